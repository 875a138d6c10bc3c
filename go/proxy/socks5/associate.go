package socks5

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"wg-bridge/go/proxy"
)

const (
	idleTimeout = 5 * time.Minute // without a datagram either way
	maxTargets  = 1024            // addresses that may answer, and names, of each association
	maxPending  = 16              // datagrams that wait for a name's address
	maxLookups  = 32              // names that are looked up at the same time
	nameLife    = 30 * time.Second
)

// associate serves UDP ASSOCIATE. It lasts as long as the connection on which it was asked for.
//
// All datagrams of an association leave from one socket, whatever their target (endpoint-independent mapping, RFC
// 4787), and what comes back is passed on if it comes from an address to which the client has sent something, whatever
// its port (address-dependent filtering): enough to find the way through address translators, and nobody else gets in.
func (s *server) associate(ctx context.Context, conn net.Conn) {
	local, peer := addrPort(conn.LocalAddr()).Addr(), addrPort(conn.RemoteAddr()).Addr()
	if s.Relays == nil || !local.IsValid() || !peer.IsValid() {
		s.refuse(conn, replyUnknownCommand, errors.New("it asks for UDP on a listener that has no IP address"))
		return
	}
	select {
	case s.associations <- struct{}{}:
		defer func() { <-s.associations }()
	default:
		s.Errorf("socks5: refused a client: %v", errBusy)
		s.refuse(conn, replyFailed, errBusy)
		return
	}
	relay, err := s.Relays.ListenPacket(netip.AddrPortFrom(local, 0))
	if err != nil {
		s.Errorf("socks5: opening a UDP socket for a client: %v", err)
		s.refuse(conn, replyFailed, err)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &association{
		server: s, ctx: ctx, peer: peer.WithZone(""), relay: relay,
		targets: proxy.NewRecent[netip.Addr, struct{}](maxTargets), names: proxy.NewRecent[string, *name](maxTargets),
		lookups: make(chan struct{}, maxLookups),
	}
	defer a.running.Wait()
	defer a.close()
	defer cancel()
	if s.answer(conn, replySucceeded, relay.LocalAddrPort()) != nil {
		return
	}
	s.Logf("socks5: %v: sends datagrams to %v", conn.RemoteAddr(), relay.LocalAddrPort())
	a.expireWhenIdle(conn)
	a.running.Go(a.fromClient)
	// Nothing more comes on this connection but its end.
	var ignored [64]byte
	for {
		if _, err := conn.Read(ignored[:]); err != nil {
			return
		}
	}
}

// An association is one client's.
type association struct {
	*server
	ctx        context.Context
	peer       netip.Addr
	relay      proxy.PacketConn
	lookups    chan struct{} // one for each that runs
	lastActive atomic.Int64  // Unix time in nanoseconds
	client     atomic.Pointer[netip.AddrPort]
	running    sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	idle    *time.Timer
	sockets [2]proxy.PacketConn // in the tunnel, for IPv4 and IPv6; opened when first needed
	targets *proxy.Recent[netip.Addr, struct{}]
	names   *proxy.Recent[string, *name]
}

// A name is a target that a client names.
type name struct {
	addresses []netip.Addr // those that work are first; nil: being looked up
	expires   time.Time
	pending   []pending
}

type pending struct {
	port    uint16
	payload []byte
}

func (a *association) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.idle != nil {
		a.idle.Stop()
	}
	_ = a.relay.Close()
	for _, socket := range a.sockets {
		if socket != nil {
			_ = socket.Close()
		}
	}
}

// expireWhenIdle ends the association once nothing was sent either way for a while.
func (a *association) expireWhenIdle(conn net.Conn) {
	a.touch()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.idle = time.AfterFunc(idleTimeout, func() {
		quiet := time.Since(time.Unix(0, a.lastActive.Load()))
		if quiet >= idleTimeout {
			a.Logf("socks5: %v: no datagrams for %v", conn.RemoteAddr(), idleTimeout)
			_ = conn.Close()
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.closed {
			a.idle.Reset(idleTimeout - quiet)
		}
	})
}

func (a *association) touch() { a.lastActive.Store(time.Now().UnixNano()) }

// fromClient passes the client's datagrams on. The client's port is that of its first datagram.
func (a *association) fromClient() {
	err := proxy.Receive(a.relay, 0, func(data []byte, from netip.AddrPort) {
		if from.Addr().WithZone("") != a.peer {
			a.Stats.Drop()
			return
		}
		host, name, port, payload, err := parseDatagram(data)
		if err != nil || port == 0 {
			a.Stats.Drop()
			return
		}
		if client := a.client.Load(); client == nil {
			a.client.Store(&from)
		} else if *client != from {
			a.Stats.Drop()
			return
		}
		a.touch()
		if name == "" {
			if a.Allowed.CheckAddress(host) != nil || a.send([]netip.Addr{host}, port, payload) < 0 {
				a.Stats.Drop()
			}
			return
		}
		a.sendToName(name, port, payload)
	})
	if !errors.Is(err, net.ErrClosed) {
		a.Errorf("socks5: reading a client's datagrams: %v", err)
	}
}

// send sends a payload to the first of several addresses that works, and returns which that is, or -1.
func (a *association) send(addresses []netip.Addr, port uint16, payload []byte) int {
	for index, address := range addresses {
		socket, err := a.socket(address)
		if err == nil {
			_, err = socket.WriteToAddrPort(payload, netip.AddrPortFrom(address, port))
		}
		if err == nil {
			a.Stats.Send(len(payload))
			return index
		}
		a.Logf("socks5: a datagram to %v: %v", netip.AddrPortFrom(address, port), err)
	}
	return -1
}

// socket returns the socket for an address, which may answer from now on.
func (a *association) socket(address netip.Addr) (proxy.PacketConn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, net.ErrClosed
	}
	index, local := 0, netip.IPv4Unspecified()
	if address.Is6() {
		index, local = 1, netip.IPv6Unspecified()
	}
	if a.sockets[index] == nil {
		socket, err := a.Network.BindUDP(netip.AddrPortFrom(local, 0))
		if err != nil {
			return nil, err
		}
		a.sockets[index] = socket
		a.running.Go(func() { a.fromTunnel(socket) })
	}
	if _, known := a.targets.Get(address); !known {
		a.targets.Put(address, struct{}{})
	}
	return a.sockets[index], nil
}

// fromTunnel passes answers on to the client.
func (a *association) fromTunnel(socket proxy.PacketConn) {
	err := proxy.Receive(socket, maxHeader, func(data []byte, from netip.AddrPort) {
		a.mu.Lock()
		_, known := a.targets.Get(from.Addr())
		a.mu.Unlock()
		client := a.client.Load()
		if !known || client == nil {
			a.Stats.Drop()
			return
		}
		a.touch()
		var header [maxHeader]byte
		written := appendHeader(header[:0], from)
		start := maxHeader - len(written)
		copy(data[start:], written)
		if _, err := a.relay.WriteToAddrPort(data[start:], *client); err != nil {
			a.Stats.Drop()
			return
		}
		a.Stats.Receive(len(data) - maxHeader)
	})
	if !errors.Is(err, net.ErrClosed) {
		a.Errorf("socks5: reading datagrams in the tunnel: %v", err)
	}
}

// sendToName sends a payload to a name. If its address is not known, the payload waits for it, and others do not.
func (a *association) sendToName(text string, port uint16, payload []byte) {
	a.mu.Lock()
	known, exists := a.names.Get(text)
	if exists && known.addresses != nil && time.Now().Before(known.expires) {
		addresses := known.addresses
		a.mu.Unlock()
		a.sendToFirst(known, addresses, port, payload)
		return
	}
	defer a.mu.Unlock()
	waiting := pending{port, append([]byte(nil), payload...)}
	if exists && known.addresses == nil {
		if len(known.pending) == maxPending {
			a.Stats.Drop()
			return
		}
		known.pending = append(known.pending, waiting)
		return
	}
	select {
	case a.lookups <- struct{}{}:
	default:
		a.Stats.Drop()
		return
	}
	wanted := &name{pending: []pending{waiting}}
	a.names.Put(text, wanted)
	a.running.Go(func() {
		defer func() { <-a.lookups }()
		a.lookUp(text, wanted)
	})
}

// sendToFirst sends to the first address that works, and puts it in front for the next datagrams.
func (a *association) sendToFirst(known *name, addresses []netip.Addr, port uint16, payload []byte) {
	index := a.send(addresses, port, payload)
	if index < 0 {
		a.Stats.Drop()
	}
	if index > 0 {
		a.mu.Lock()
		defer a.mu.Unlock()
		known.addresses = addresses[index:]
	}
}

// lookUp looks up a name, and sends what has waited for it.
func (a *association) lookUp(text string, wanted *name) {
	addresses, err := a.connector.Lookup(a.ctx, text)
	a.mu.Lock()
	waiting := wanted.pending
	wanted.pending = nil
	if current, _ := a.names.Get(text); err != nil && current == wanted {
		a.names.Remove(text)
	} else if err == nil {
		wanted.addresses, wanted.expires = addresses, time.Now().Add(nameLife)
	}
	a.mu.Unlock()
	if err != nil {
		a.Stats.Fail()
		a.Logf("socks5: a datagram to %q: %v", text, err)
	}
	for _, datagram := range waiting {
		if err != nil {
			a.Stats.Drop()
			continue
		}
		a.sendToFirst(wanted, addresses, datagram.port, datagram.payload)
	}
}
