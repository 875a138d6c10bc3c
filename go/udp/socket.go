package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"wg-bridge/go/pollable"
)

// bufferSize is the requested size of a socket's buffers in bytes: enough for a burst at several Gbit/s.
// Upstream's implementations request as much.
const bufferSize = 7 << 20

// A socket is one UDP socket of one address family.
type socket struct {
	conn   *net.UDPConn
	raw    syscall.RawConn
	local  netip.AddrPort
	closed chan struct{} // closed with the socket

	outlets *outlets // the sockets through which datagrams leave

	segments  bool // the kernel supports UDP_SEGMENT: it can split a sent message into datagrams
	coalesces bool // UDP_GRO is on: the kernel may join received datagrams
	stamped   bool // SO_TIMESTAMPNS is on: the kernel says when each message arrived
}

// listen opens a socket on a port of all local addresses. network is "udp4" or "udp6"; a "udp6" socket never
// receives IPv4.
func listen(network string, port uint16, mark uint32, offloads Offloads, logf func(string, ...any)) (*socket, error) {
	// Stay on one thread: threads may be in different network namespaces.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := &socket{closed: make(chan struct{})}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return pollable.Control(raw, func(fd int) error { return s.prepare(fd, network, mark, offloads, logf) })
	}}
	packetConn, err := config.ListenPacket(context.Background(), network, ":"+strconv.Itoa(int(port)))
	if err != nil {
		return nil, fmt.Errorf("udp: %w", err)
	}
	s.conn = packetConn.(*net.UDPConn)
	if s.raw, err = s.conn.SyscallConn(); err == nil {
		s.local, err = localAddress(s.raw)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("udp: %w", err), s.conn.Close())
	}
	s.outlets = newOutlets(s, network, mark, logf)
	return s, nil
}

// prepare sets a new socket's options, and finds out which of the wanted offloads the kernel supports.
func (s *socket) prepare(fd int, network string, mark uint32, wanted Offloads, logf func(string, ...any)) error {
	setBuffer(fd, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, bufferSize)
	if err := prepareToSend(fd, network, mark, bufferSize); err != nil {
		return err
	}
	level, information, service := unix.IPPROTO_IP, unix.IP_PKTINFO, unix.IP_RECVTOS
	if network == "udp6" {
		level, information, service = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, unix.IPV6_RECVTCLASS
	}
	// Without it, answers leave from the address that the kernel chooses.
	if err := unix.SetsockoptInt(fd, level, information, 1); err != nil {
		logf("UDP bind: the address to which a datagram of %s was sent is not known: %v", network, err)
	}
	_ = unix.SetsockoptInt(fd, level, service, 1) // Without it, congestion marks are lost.
	_, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
	s.segments = wanted.Segment && err == nil
	s.coalesces = wanted.GRO && enableCoalescing(fd)
	return nil
}

// prepareToSend sets a new socket's options for sending. buffer is in bytes.
func prepareToSend(fd int, network string, mark uint32, buffer int) error {
	setBuffer(fd, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, buffer)
	allowFragments(fd, network)
	if mark == 0 {
		return nil
	}
	return setMark(fd, mark)
}

// setBuffer sets a buffer's size, first up to the system's limit, and then beyond it, which needs CAP_NET_ADMIN. It
// ignores errors: a smaller buffer only costs speed.
func setBuffer(fd, option, force, size int) {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, size)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size)
}

// allowFragments makes IPv4 datagrams leave without DF, like kernel WireGuard's: a router with a smaller MTU then
// fragments them. Otherwise it would drop them, and send an ICMP error that may never arrive. The host still
// fragments to a path MTU that it knows.
//
// IPv6 has no DF. Only the sender fragments, to the path MTU as far as it knows it, which is the default of
// sockets and of kernel WireGuard.
//
// An error is ignored: a sandbox without the option may not set DF at all, and most paths are wide enough.
func allowFragments(fd int, network string) {
	if network == "udp4" {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
	}
}

// enableCoalescing turns UDP_GRO on if the kernel can confirm that it is on. Kernels before 5.12 cannot; their
// UDP_GRO is immature, and stays off.
func enableCoalescing(fd int) bool {
	if unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) != nil {
		return false
	}
	on, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO)
	if err == nil && on == 1 {
		return true
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 0)
	return false
}

// localAddress returns the address on which a socket listens. Package net knows it, too, but ignores an error of
// getsockname(2), and then has no address.
func localAddress(raw syscall.RawConn) (address netip.AddrPort, err error) {
	err = pollable.Control(raw, func(fd int) error {
		local, err := unix.Getsockname(fd)
		switch local := local.(type) {
		case *unix.SockaddrInet4:
			address = netip.AddrPortFrom(netip.AddrFrom4(local.Addr), uint16(local.Port))
		case *unix.SockaddrInet6:
			address = netip.AddrPortFrom(netip.AddrFrom16(local.Addr), uint16(local.Port))
		}
		return os.NewSyscallError("getsockname", err)
	})
	return address, err
}

func (s *socket) port() uint16 { return s.local.Port() }

// boundTo returns the index of the interface to which the socket is bound, or 0. `ip vrf exec` binds all sockets of
// a program.
func (s *socket) boundTo() (ifindex uint32) {
	// Kernels before 5.0 do not support this query.
	_ = pollable.Control(s.raw, func(fd int) error {
		index, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX)
		if err == nil {
			ifindex = uint32(index)
		}
		return err
	})
	return ifindex
}

func (s *socket) setMark(mark uint32) error {
	return s.outlets.setMark(mark)
}

func (s *socket) close() error {
	close(s.closed)
	return errors.Join(s.outlets.close(), s.conn.Close())
}

func setMark(fd int, mark uint32) error {
	return os.NewSyscallError("setsockopt SO_MARK",
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(mark)))
}

// Offloads selects what the kernel may do for many datagrams at once. Without any, each datagram crosses alone.
type Offloads struct {
	Segment bool // UDP_SEGMENT: it splits what is sent as one message; Linux 4.18
	GRO     bool // UDP_GRO: it joins what is received; Linux 5.12
}

// AllOffloads selects every offload that the kernel supports.
var AllOffloads = Offloads{Segment: true, GRO: true}
