package netstack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// A PacketConn is a UDP socket of the tunnel. All methods may be called concurrently.
type PacketConn struct {
	device              *Device
	endpoint            tcpip.Endpoint
	queue               *waiter.Queue
	protocol            tcpip.NetworkProtocolNumber
	local               netip.AddrPort
	reading, writing    sync.Mutex // held by the one call that reads, and the one that waits to write
	readable, writable  signal
	readLimit, writeEnd deadline
	closed              atomic.Bool
}

var _ net.PacketConn = (*PacketConn)(nil)

// BindUDP binds a UDP socket to local, which is one of the tunnel's addresses, or the unspecified one. [::] and an
// invalid address stand for all addresses, 0.0.0.0 for those of IPv4. For port 0 the stack chooses one.
func (d *Device) BindUDP(local netip.AddrPort) (*PacketConn, error) {
	local = unmap(local)
	protocol := protocolOf(local.Addr())
	if err := cmp.Or(d.usable(context.Background()), d.bindable(local.Addr())); err != nil {
		return nil, opError("bind", "udp", nil, udpAddress(local), err)
	}
	c := &PacketConn{device: d, queue: new(waiter.Queue), protocol: protocol}
	endpoint, err := d.stack.NewEndpoint(udp.ProtocolNumber, protocol, c.queue)
	if err != nil {
		return nil, failure("socket", "udp", nil, udpAddress(local), err)
	}
	if err := endpoint.Bind(toFullAddress(local)); err != nil {
		endpoint.Close()
		return nil, failure("bind", "udp", nil, udpAddress(local), err)
	}
	// What is not longer than the MTU may be fragmented behind the tunnel: the stack would not learn that it must not.
	// And what is longer is fragmented here, for which it needs an ID.
	if err := endpoint.SetSockOptInt(tcpip.MTUDiscoverOption, int(tcpip.PMTUDiscoveryDont)); err != nil {
		endpoint.Close()
		return nil, failure("setsockopt", "udp", nil, udpAddress(local), err)
	}
	c.endpoint = endpoint
	if bound, err := endpoint.GetLocalAddress(); err == nil {
		c.local = fromStack(bound, protocol)
	}
	c.readable.register(c.queue, waiter.ReadableEvents)
	c.writable.register(c.queue, waiter.WritableEvents)
	return c, nil
}

// ReadFromAddrPort waits for a datagram, and returns its length and its source. What does not fit into to is lost.
func (c *PacketConn) ReadFromAddrPort(to []byte) (int, netip.AddrPort, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		switch {
		case c.closed.Load():
			return 0, netip.AddrPort{}, c.opError("read", nil, net.ErrClosed)
		case c.readLimit.isOver():
			return 0, netip.AddrPort{}, c.opError("read", nil, os.ErrDeadlineExceeded)
		}
		// A writer without room would be an error, but an empty datagram is none.
		writer := tcpip.SliceWriter(to)
		result, err := c.endpoint.Read(&writer, tcpip.ReadOptions{NeedRemoteAddr: true})
		switch err.(type) {
		case nil, *tcpip.ErrBadBuffer:
			return result.Count, fromStack(result.RemoteAddr, c.protocol), nil
		case *tcpip.ErrWouldBlock:
		default:
			if c.closed.Load() || c.device.isClosed() {
				return 0, netip.AddrPort{}, c.opError("read", nil, net.ErrClosed)
			}
			return 0, netip.AddrPort{}, failure("read", "udp", c.LocalAddr(), nil, err)
		}
		select {
		case <-c.readable.woken:
		case <-c.readLimit.wait():
		}
	}
}

// ReadFrom is ReadFromAddrPort for net.PacketConn. The address is a *net.UDPAddr.
func (c *PacketConn) ReadFrom(to []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(to)
	return n, udpAddress(from), err
}

// WriteToAddrPort sends a datagram to remote. It fails at once if no allowed IP holds remote, and waits while the
// tunnel has no room.
func (c *PacketConn) WriteToAddrPort(from []byte, remote netip.AddrPort) (int, error) {
	remote = unmap(remote)
	if err := c.device.reachable(remote.Addr()); err != nil {
		return 0, c.opError("write", udpAddress(remote), err)
	}
	to := toFullAddress(remote)
	for {
		switch {
		case c.closed.Load():
			return 0, c.opError("write", udpAddress(remote), net.ErrClosed)
		case c.writeEnd.isOver():
			return 0, c.opError("write", udpAddress(remote), os.ErrDeadlineExceeded)
		}
		n, err := c.endpoint.Write(bytes.NewReader(from), tcpip.WriteOptions{To: &to})
		switch err.(type) {
		case nil:
			return int(n), nil
		case *tcpip.ErrWouldBlock:
		default:
			if c.closed.Load() || c.device.isClosed() {
				return 0, c.opError("write", udpAddress(remote), net.ErrClosed)
			}
			return 0, failure("write", "udp", c.LocalAddr(), udpAddress(remote), err)
		}
		c.awaitRoom()
	}
}

func (c *PacketConn) awaitRoom() {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.closed.Load() || c.endpoint.Readiness(waiter.WritableEvents)&waiter.WritableEvents != 0 {
		return
	}
	select {
	case <-c.writable.woken:
	case <-c.writeEnd.wait():
	}
}

// WriteTo is WriteToAddrPort for net.PacketConn. to is a *net.UDPAddr.
func (c *PacketConn) WriteTo(from []byte, to net.Addr) (int, error) {
	address, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.opError("write", to, &net.AddrError{Err: "not a UDP address", Addr: to.String()})
	}
	return c.WriteToAddrPort(from, address.AddrPort())
}

func (c *PacketConn) opError(operation string, remote net.Addr, err error) error {
	return opError(operation, "udp", c.LocalAddr(), remote, err)
}

// Close closes the socket, and ends the calls that wait.
func (c *PacketConn) Close() error {
	if c.closed.Swap(true) {
		return c.opError("close", nil, net.ErrClosed)
	}
	c.endpoint.Close()
	c.readable.NotifyEvent(0)
	c.writable.NotifyEvent(0)
	c.queue.EventUnregister(&c.readable.entry)
	c.queue.EventUnregister(&c.writable.entry)
	c.readLimit.set(time.Time{})
	c.writeEnd.set(time.Time{})
	return nil
}

// LocalAddrPort returns the address to which the socket is bound.
func (c *PacketConn) LocalAddrPort() netip.AddrPort { return c.local }

// LocalAddr returns that address as a *net.UDPAddr.
func (c *PacketConn) LocalAddr() net.Addr { return udpAddress(c.local) }

// SetDeadline sets both deadlines.
func (c *PacketConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline makes reads fail with os.ErrDeadlineExceeded from t on, also one that waits. The zero time never
// comes.
func (c *PacketConn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.opError("set", nil, net.ErrClosed)
	}
	c.readLimit.set(t)
	return nil
}

// SetWriteDeadline does for writes what SetReadDeadline does for reads.
func (c *PacketConn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.opError("set", nil, net.ErrClosed)
	}
	c.writeEnd.set(t)
	return nil
}
