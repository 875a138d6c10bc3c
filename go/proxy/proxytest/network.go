// Package proxytest is a network in memory, for tests of what runs over a tunnel. Nothing in it waits for a real time
// or for the kernel, so that it works in a bubble of testing/synctest.
package proxytest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"wg-bridge/go/resolve"
)

// A Network is a tunnel and the hosts that can be reached through it. A host exists once it listens, has a socket, or
// is Added.
type Network struct {
	own []netip.Addr

	mu        sync.Mutex
	hosts     map[netip.Addr]bool
	silent    map[netip.Addr]bool
	listeners map[netip.AddrPort]*Listener
	sockets   map[netip.AddrPort]*PacketConn
	next      uint16
	dialled   []netip.AddrPort
	bound     []netip.AddrPort
}

// New returns a network in which the tunnel has the given addresses.
func New(own ...netip.Addr) *Network {
	return &Network{
		own: own, hosts: map[netip.Addr]bool{}, silent: map[netip.Addr]bool{},
		listeners: map[netip.AddrPort]*Listener{}, sockets: map[netip.AddrPort]*PacketConn{}, next: 40_000,
	}
}

// Add makes hosts that exist and refuse every connection.
func (n *Network) Add(hosts ...netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, host := range hosts {
		n.hosts[host] = true
	}
}

// Silence makes a host that answers nothing.
func (n *Network) Silence(host netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent[host] = true
}

// Dialled returns where to connections were opened.
func (n *Network) Dialled() []netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]netip.AddrPort(nil), n.dialled...)
}

// Bound returns the addresses of all UDP sockets that were bound on the tunnel's side, in order.
func (n *Network) Bound() []netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]netip.AddrPort(nil), n.bound...)
}

// Source returns the tunnel's address of the family of remote.
func (n *Network) Source(remote netip.Addr) (netip.Addr, error) {
	for _, address := range n.own {
		if address.Is4() == remote.Unmap().Is4() {
			return address, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("the tunnel has no address of the family of %v: %w", remote, syscall.EADDRNOTAVAIL)
}

// DialTCP connects the tunnel to one of the hosts.
func (n *Network) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	source, err := n.Source(remote.Addr())
	if err != nil {
		return nil, err
	}
	conn, err := n.dial(ctx, source, remote)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// DialFrom connects a host to another one or to the tunnel.
func (n *Network) DialFrom(ctx context.Context, source netip.Addr, remote netip.AddrPort) (*Conn, error) {
	return n.dial(ctx, source, remote)
}

func (n *Network) dial(ctx context.Context, source netip.Addr, remote netip.AddrPort) (*Conn, error) {
	n.mu.Lock()
	n.dialled = append(n.dialled, remote)
	listener, silent, exists := n.listeners[remote], n.silent[remote.Addr()], n.hosts[remote.Addr()]
	n.next++
	local := netip.AddrPortFrom(source, n.next)
	n.mu.Unlock()
	switch {
	case silent:
		<-ctx.Done()
		return nil, fmt.Errorf("connecting to %v: %w", remote, ctx.Err())
	case !exists:
		return nil, fmt.Errorf("connecting to %v: %w", remote, syscall.EHOSTUNREACH)
	case listener == nil:
		return nil, fmt.Errorf("connecting to %v: %w", remote, syscall.ECONNREFUSED)
	}
	client, server := newStream(local, remote)
	select {
	case listener.queue <- server:
		return client, nil
	case <-listener.closed:
		return nil, fmt.Errorf("connecting to %v: %w", remote, syscall.ECONNREFUSED)
	case <-ctx.Done():
		return nil, fmt.Errorf("connecting to %v: %w", remote, ctx.Err())
	}
}

// ListenTCP listens at an address of the tunnel or of a host. An unspecified address is the tunnel's of that family.
func (n *Network) ListenTCP(local netip.AddrPort, backlog int) (net.Listener, error) {
	address := local.Addr()
	if address.IsUnspecified() {
		var err error
		if address, err = n.Source(address); err != nil {
			return nil, err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if local.Port() == 0 {
		n.next++
		local = netip.AddrPortFrom(address, n.next)
	}
	local = netip.AddrPortFrom(address, local.Port())
	if n.listeners[local] != nil {
		return nil, fmt.Errorf("listening at %v: %w", local, syscall.EADDRINUSE)
	}
	listener := &Listener{network: n, address: local, queue: make(chan *Conn, backlog), closed: make(chan struct{})}
	n.listeners[local], n.hosts[address] = listener, true
	return listener, nil
}

// A Listener accepts streams of a Network.
type Listener struct {
	network *Network
	address netip.AddrPort
	queue   chan *Conn
	closed  chan struct{}
	once    sync.Once
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.queue:
		return conn, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.network.mu.Lock()
		defer l.network.mu.Unlock()
		delete(l.network.listeners, l.address)
	})
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.address) }

// BindUDP opens a UDP socket at an address of the tunnel.
func (n *Network) BindUDP(local netip.AddrPort) (resolve.PacketConn, error) {
	address := local.Addr()
	if address.IsUnspecified() {
		var err error
		if address, err = n.Source(address); err != nil {
			return nil, err
		}
	}
	conn, err := n.HostUDP(netip.AddrPortFrom(address, local.Port()))
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bound = append(n.bound, conn.address)
	return conn, nil
}

// HostUDP opens a UDP socket at an address of a host. If the port is 0, the network chooses.
func (n *Network) HostUDP(local netip.AddrPort) (*PacketConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if local.Port() == 0 {
		n.next++
		local = netip.AddrPortFrom(local.Addr(), n.next)
	}
	if n.sockets[local] != nil {
		return nil, fmt.Errorf("binding %v: %w", local, syscall.EADDRINUSE)
	}
	conn := &PacketConn{network: n, address: local, queue: make(chan packet, 128), closed: make(chan struct{})}
	conn.changed = make(chan struct{})
	n.sockets[local], n.hosts[local.Addr()] = conn, true
	return conn, nil
}

// A PacketConn is a UDP socket in memory.
type PacketConn struct {
	network *Network
	address netip.AddrPort
	queue   chan packet
	closed  chan struct{}
	once    sync.Once

	mu       sync.Mutex
	deadline time.Time
	changed  chan struct{} // closed when the deadline changes
}

type packet struct {
	from netip.AddrPort
	data []byte
}

// LocalAddrPort implements resolve.PacketConn.
func (c *PacketConn) LocalAddrPort() netip.AddrPort { return c.address }

// ReadFromAddrPort implements resolve.PacketConn.
func (c *PacketConn) ReadFromAddrPort(into []byte) (int, netip.AddrPort, error) {
	for {
		c.mu.Lock()
		deadline, changed := c.deadline, c.changed
		c.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			late = time.After(time.Until(deadline))
		}
		select {
		case packet := <-c.queue:
			return copy(into, packet.data), packet.from, nil
		case <-c.closed:
			return 0, netip.AddrPort{}, &net.OpError{Op: "read", Net: "udp", Err: net.ErrClosed}
		case <-late:
			return 0, netip.AddrPort{}, &net.OpError{Op: "read", Net: "udp", Err: os.ErrDeadlineExceeded}
		case <-changed:
		}
	}
}

// WriteToAddrPort implements resolve.PacketConn.
func (c *PacketConn) WriteToAddrPort(data []byte, to netip.AddrPort) (int, error) {
	return c.WriteAs(c.address, data, to)
}

// WriteAs sends a datagram that claims to come from another address.
func (c *PacketConn) WriteAs(from netip.AddrPort, data []byte, to netip.AddrPort) (int, error) {
	select {
	case <-c.closed:
		return 0, &net.OpError{Op: "write", Net: "udp", Err: net.ErrClosed}
	default:
	}
	c.network.mu.Lock()
	target, exists := c.network.sockets[to], c.network.hosts[to.Addr()]
	c.network.mu.Unlock()
	if !exists {
		return 0, &net.OpError{Op: "write", Net: "udp", Err: syscall.EHOSTUNREACH}
	}
	if target != nil {
		select {
		case target.queue <- packet{from, append([]byte(nil), data...)}:
		default: // as UDP does
		}
	}
	return len(data), nil
}

// SetReadDeadline implements resolve.PacketConn.
func (c *PacketConn) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = at
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

// Close implements resolve.PacketConn.
func (c *PacketConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.network.mu.Lock()
		defer c.network.mu.Unlock()
		delete(c.network.sockets, c.address)
	})
	return nil
}
