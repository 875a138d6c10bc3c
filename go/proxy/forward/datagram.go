package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"wg-bridge/go/proxy"
)

const (
	idleTimeout = 5 * time.Minute  // of a client, without a datagram either way
	sweepPeriod = 30 * time.Second // how often it is looked for idle clients
	maxClients  = 1024             // of one forward; beyond that, the one that was quiet for the longest time ends
	maxPending  = 16               // datagrams of a client that wait for its socket
)

// A Socket is a UDP socket to which each client of a forward has a right of its own: it sends to the forward's target
// and receives only from it.
type Socket interface {
	// Receive calls handle for each datagram from the target, until reading fails.
	Receive(handle func(data []byte)) error
	Send(data []byte) error
	Close() error
}

// Open opens a socket to where a forward leads.
type Open func(ctx context.Context) (Socket, error)

// IntoTunnelUDP returns an Open for a target in the tunnel. A name is looked up for each client anew.
func IntoTunnelUDP(network proxy.Network, connector *proxy.Connector, target proxy.Target) Open {
	return func(ctx context.Context) (Socket, error) {
		addresses, err := connector.Lookup(ctx, target.Host)
		if err != nil {
			return nil, err
		}
		var first error
		for _, address := range addresses {
			local, err := network.Source(address)
			if err == nil {
				var conn proxy.PacketConn
				if conn, err = network.BindUDP(netip.AddrPortFrom(local, 0)); err == nil {
					return &tunnelSocket{conn, netip.AddrPortFrom(address, target.Port)}, nil
				}
			}
			if first == nil {
				first = err
			}
		}
		return nil, fmt.Errorf("opening a UDP socket to %v: %w", target, first)
	}
}

type tunnelSocket struct {
	conn   proxy.PacketConn
	target netip.AddrPort
}

func (s *tunnelSocket) Receive(handle func(data []byte)) error {
	return proxy.Receive(s.conn, 0, func(data []byte, from netip.AddrPort) {
		if from == s.target {
			handle(data)
		}
	})
}

func (s *tunnelSocket) Send(data []byte) error {
	_, err := s.conn.WriteToAddrPort(data, s.target)
	return err
}

func (s *tunnelSocket) Close() error { return s.conn.Close() }

// ServeDatagrams joins each client that sends to front to a socket of its own, which open opens, until front is closed.
// The end of ctx closes it. A client that is quiet both ways for five minutes ends.
func ServeDatagrams(ctx context.Context, front proxy.PacketConn, open Open, config Config) error {
	ctx, cancel := context.WithCancel(ctx)
	f := &datagrams{
		Config: config.withDefaults(), ctx: ctx, front: front, open: open,
		clients: proxy.NewRecent[netip.AddrPort, *flow](maxClients),
	}
	defer f.running.Wait()
	defer f.end()
	defer cancel()
	defer front.Close()
	defer context.AfterFunc(ctx, func() { _ = front.Close() })()
	f.running.Go(f.sweep)
	if err := proxy.Receive(front, 0, f.fromClient); !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("forward %s: reading datagrams: %w", f.Name, err)
	}
	return nil
}

type datagrams struct {
	Config
	ctx     context.Context
	front   proxy.PacketConn
	open    Open
	running sync.WaitGroup

	mu      sync.Mutex
	clients *proxy.Recent[netip.AddrPort, *flow]
	ended   bool
}

// A flow is what belongs to one client. Its fields are guarded by the mutex of datagrams.
type flow struct {
	client     netip.AddrPort
	lastActive time.Time
	socket     Socket // nil while it is being opened
	pending    [][]byte
	ended      bool
}

// fromClient passes a client's datagram on.
func (f *datagrams) fromClient(data []byte, from netip.AddrPort) {
	f.mu.Lock()
	current, exists := f.clients.Get(from)
	if !exists {
		if f.ended {
			f.mu.Unlock()
			return
		}
		current = &flow{client: from}
		if oldest, isFull := f.clients.Put(from, current); isFull {
			f.endFlow(oldest)
		}
		f.Stats.Open()
		f.running.Go(func() { f.run(current) })
	}
	current.lastActive = time.Now()
	socket := current.socket
	if socket == nil {
		if len(current.pending) < maxPending {
			current.pending = append(current.pending, append([]byte(nil), data...))
		} else {
			f.Stats.Drop()
		}
	}
	f.mu.Unlock()
	if socket != nil {
		f.send(socket, data)
	}
}

func (f *datagrams) send(socket Socket, data []byte) {
	if err := socket.Send(data); err != nil {
		f.Stats.Drop()
		f.Logf("forward %s: a datagram: %v", f.Name, err)
		return
	}
	f.Stats.Send(len(data))
}

// run opens a client's socket, sends what has waited for it, and passes on what comes back.
func (f *datagrams) run(current *flow) {
	defer f.Stats.Close()
	socket, err := f.open(f.ctx)
	if err != nil {
		if f.ctx.Err() == nil {
			f.Stats.Fail()
			f.Logf("forward %s: for %v: %v", f.Name, current.client, err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for range current.pending {
			f.Stats.Drop()
		}
		f.endFlow(current)
		return
	}
	if !f.adopt(current, socket) {
		return
	}
	err = socket.Receive(func(data []byte) {
		f.mu.Lock()
		current.lastActive = time.Now()
		f.clients.Get(current.client) // so that others are forgotten first
		f.mu.Unlock()
		if _, err := f.front.WriteToAddrPort(data, current.client); err != nil {
			f.Stats.Drop()
			return
		}
		f.Stats.Receive(len(data))
	})
	if !errors.Is(err, net.ErrClosed) {
		f.Logf("forward %s: for %v: %v", f.Name, current.client, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endFlow(current)
}

// adopt sends what has waited for a socket, in order, and lets the next datagrams use it. It returns false if the
// client has ended meanwhile.
func (f *datagrams) adopt(current *flow, socket Socket) bool {
	for {
		f.mu.Lock()
		waiting := current.pending
		current.pending = nil
		if current.ended {
			f.mu.Unlock()
			_ = socket.Close()
			return false
		}
		if len(waiting) == 0 {
			current.socket = socket
			f.mu.Unlock()
			return true
		}
		f.mu.Unlock()
		for _, data := range waiting {
			f.send(socket, data)
		}
	}
}

// endFlow forgets a client. The caller holds the mutex.
func (f *datagrams) endFlow(current *flow) {
	if current.ended {
		return
	}
	current.ended = true
	if known, _ := f.clients.Get(current.client); known == current {
		f.clients.Remove(current.client)
	}
	if current.socket != nil {
		_ = current.socket.Close()
	}
}

// end forgets all clients.
func (f *datagrams) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for {
		_, oldest, exists := f.clients.Oldest()
		if !exists {
			return
		}
		f.endFlow(oldest)
	}
}

// sweep forgets clients that are idle.
func (f *datagrams) sweep() {
	ticker := time.NewTicker(sweepPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case now := <-ticker.C:
			f.mu.Lock()
			for {
				_, oldest, exists := f.clients.Oldest()
				if !exists || now.Sub(oldest.lastActive) < idleTimeout {
					break
				}
				f.endFlow(oldest)
			}
			f.mu.Unlock()
		}
	}
}
