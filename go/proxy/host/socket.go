package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/forward"
)

// A socket is a UDP socket of this machine.
type socket struct {
	*net.UDPConn
	raw syscall.RawConn
}

func newSocket(conn *net.UDPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &socket{conn, raw}, nil
}

// LocalAddrPort implements proxy.PacketConn.
func (s *socket) LocalAddrPort() netip.AddrPort {
	address := s.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
}

// ReadFromAddrPort implements proxy.PacketConn.
func (s *socket) ReadFromAddrPort(into []byte) (int, netip.AddrPort, error) {
	return s.ReadFromUDPAddrPort(into)
}

// WriteToAddrPort implements proxy.PacketConn.
func (s *socket) WriteToAddrPort(data []byte, to netip.AddrPort) (int, error) {
	return s.WriteToUDPAddrPort(data, to)
}

// WaitReadable waits for a datagram. Its error is one that reading would have returned.
func (s *socket) WaitReadable() error {
	var pending error
	err := s.raw.Read(func(fd uintptr) bool {
		_, _, pending = unix.Recvfrom(int(fd), nil, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return !errors.Is(pending, unix.EAGAIN) && !errors.Is(pending, unix.EINTR)
	})
	if err != nil {
		return err
	}
	return pending
}

// OpenUDP opens a socket to the address, for a forward out of the tunnel.
func (a Address) OpenUDP(ctx context.Context) (forward.Socket, error) {
	if a.path != "" {
		return nil, fmt.Errorf("%v: a Unix socket cannot take UDP", a)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", a.ip.String())
	if err != nil {
		return nil, err
	}
	opened, err := newSocket(conn.(*net.UDPConn))
	if err != nil {
		return nil, err
	}
	return connected{opened}, nil
}

// connected is a socket that sends to one address and receives from it alone.
type connected struct{ socket *socket }

// Receive implements forward.Socket. That nobody listens at the target does not end it: somebody may later.
func (c connected) Receive(handle func(data []byte)) error {
	return proxy.Receive(c.socket, 0, func(data []byte, _ netip.AddrPort) { handle(data) })
}

// Send implements forward.Socket.
func (c connected) Send(data []byte) error {
	_, err := c.socket.Write(data)
	if errors.Is(err, syscall.ECONNREFUSED) {
		_, err = c.socket.Write(data) // That was the answer to an earlier datagram.
	}
	return err
}

// Close implements forward.Socket.
func (c connected) Close() error { return c.socket.Close() }
