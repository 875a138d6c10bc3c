// Package station offers the sockets of a userspace network to one program over a Unix socket: TCP streams out and in,
// UDP sockets, names, and the configuration of the tunnel.
//
// Each stream is a connection of its own to that socket. It begins with one request in a frame, and after the answer
// it carries the stream's bytes and nothing else. So the program has an ordinary socket with the kernel's backpressure,
// in whatever language and process, and the library and the executable offer the same. One more connection is the
// client's control channel. docs/station.md describes the protocol.
//
// Nothing here opens a socket of the host but the one that it listens on, and what its client asks a proxy to open.
package station

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"wg-bridge/go/accepting"
	"wg-bridge/go/netstack"
	"wg-bridge/go/proxy"
	"wg-bridge/go/resolve"
)

// limits are what a station has at most, and for how long it waits.
type limits struct {
	connections int // to its socket, of every kind
	streams     int
	unaccepted  int // streams
	datagrams   int // sockets
	listeners   int
	unread      int // bytes for a client that does not read its control channel, which it then loses

	request time.Duration // for the first frame of a connection, and for its answer to be read
	accept  time.Duration
	ack     time.Duration
	orphan  time.Duration // without an acknowledgement of what a client had sent before it closed its connection
}

var usualLimits = limits{
	connections: 16_384,
	streams:     10_000,
	unaccepted:  4_096,
	datagrams:   1_024,
	listeners:   256,
	unread:      4 << 20,
	request:     10 * time.Second,
	accept:      30 * time.Second,
	ack:         time.Second,
	orphan:      30 * time.Second,
}

// A Network is where the sockets are: a netstack.Device.
type Network interface {
	Stack() *stack.Stack
	Addresses() []netip.Addr
	SetAddresses([]netip.Addr) error
	SetMTU(int) error
	SetMemory(int64) error
	DialTCP(ctx context.Context, local, remote netip.AddrPort) (*netstack.Conn, error)
	ListenTCP(local netip.AddrPort, backlog int) (*netstack.Listener, error)
	BindUDP(local netip.AddrPort) (*netstack.PacketConn, error)
	Ping(ctx context.Context, remote netip.Addr, size int) (time.Duration, error)
}

var _ Network = (*netstack.Device)(nil)

// A Resolver finds the addresses of names, inside the tunnel. The family is 4, 6, or 0 for both. An error that says
// that there are none is a NameError.
type Resolver interface {
	// Configure replaces the servers to ask, and the domains that complete a name.
	Configure(servers []netip.Addr, search []string)
	Lookup(ctx context.Context, name string, family int) ([]netip.Addr, error)
	// Failures counts why lookups have failed.
	Failures() resolve.Reasons
}

// Config configures a Station. Every field but Client must be set.
type Config struct {
	Path     string // of the socket, in a directory that only this user can enter
	Client   int    // the only process that may connect; 0 for every process of this user
	Network  Network
	Resolver Resolver
	// Reachable returns why the tunnel cannot send to an address that some peer's allowed IPs hold, or nil.
	Reachable func(netip.Addr) error
	// Configure serves the configuration protocol on a connection, and closes it.
	Configure func(net.Conn)
	// Logf logs at verbose level, Errorf logs what no client learns about.
	Logf, Errorf func(format string, arguments ...any)

	limits limits // the usual ones, if there are none
	self   int    // this process, if 0
}

// A Station serves its socket until it is closed.
type Station struct {
	config   Config
	listener *socket
	failed   chan error
	closing  chan struct{}
	work     sync.WaitGroup
	cooler   *cooler

	mu          sync.Mutex
	closed      bool
	connections map[*net.UnixConn]struct{}
	clients     map[int]*client // by process
	streams     map[uint64]*stream
	unaccepted  int
	datagrams   map[uint64]*datagram
	listeners   int
	last        uint64 // the last id of a stream or a datagram socket

	proxied        proxy.Stats   // the connections of all proxies together
	received, sent atomic.Uint64 // bytes of streams, from and to the tunnel
	dropped        atomic.Uint64 // datagrams
}

// Open binds the socket and serves it.
func Open(config Config) (*Station, error) {
	if config.self == 0 {
		config.self = os.Getpid()
	}
	if config.limits == (limits{}) {
		config.limits = usualLimits
	}
	listener, err := listen(config.Path)
	if err != nil {
		return nil, err
	}
	s := &Station{
		config:      config,
		listener:    listener,
		failed:      make(chan error, 1),
		closing:     make(chan struct{}),
		cooler:      newCooler(),
		connections: make(map[*net.UnixConn]struct{}),
		clients:     make(map[int]*client),
		streams:     make(map[uint64]*stream),
		datagrams:   make(map[uint64]*datagram),
	}
	log := accepting.Log{Verbosef: config.Logf, Errorf: config.Errorf}
	s.work.Go(func() { s.cooler.run(s.closing, s.coolDown) })
	s.work.Go(func() {
		defer listener.closeSpare()
		if err := accepting.Loop(listener, "The station's socket", log, s.closing, s.admit); err != nil {
			s.failed <- fmt.Errorf("accepting on the station's socket %s: %w", config.Path, err)
		}
	})
	return s, nil
}

// Failed receives an error if the socket no longer accepts.
func (s *Station) Failed() <-chan error { return s.failed }

// Close resets every stream, closes every connection and socket, and returns once nothing of them runs any more.
func (s *Station) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.work.Wait()
		return nil
	}
	s.closed = true
	close(s.closing)
	err := s.listener.Close()
	// First, so that no client takes the ends of its streams for those of their data.
	for _, client := range s.clients {
		_ = client.connection.Close() // its handler may have been faster
	}
	for _, stream := range s.streams {
		switch {
		case stream == nil: // it connects
		case stream.waiting != nil:
			stream.waiting.Stop()
			_ = stream.conn.Abort() // never used
		default:
			stream.reset()
		}
	}
	for _, one := range s.datagrams {
		_ = one.socket.Close() // its owner may have been faster
	}
	for connection := range s.connections {
		_ = connection.Close() // its handler may have been faster
	}
	s.mu.Unlock()
	s.work.Wait()
	return err
}

// admit serves a connection in a goroutine, if its process may connect.
func (s *Station) admit(accepted net.Conn) {
	connection, ok := accepted.(*net.UnixConn)
	if !ok {
		_ = accepted.Close() // a listener of Unix sockets has no others
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.connections) >= s.config.limits.connections {
		_ = connection.Close() // never used
		return
	}
	s.connections[connection] = struct{}{}
	s.work.Go(func() {
		if !s.serve(connection) {
			_ = connection.Close() // who serves it may have been faster
			s.forget(connection)
		}
	})
}

// forget forgets a connection that is closed.
func (s *Station) forget(connection *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, connection)
}

// serve reads the first request of a connection, and does what it asks for. It returns true if the connection now
// carries a stream, which closes and forgets it.
func (s *Station) serve(connection *net.UnixConn) (kept bool) {
	process, err := s.identify(connection)
	if err != nil {
		s.config.Errorf("Station: a connection was refused: %v", err)
		return false
	}
	if err := connection.SetReadDeadline(time.Now().Add(s.config.limits.request)); err != nil {
		return false // the station is closing
	}
	text, err := readFrame(connection)
	if err != nil {
		if errors.Is(err, unix.EPROTO) {
			s.answer(connection, refuse(0, err))
		}
		return false
	}
	if err := connection.SetReadDeadline(time.Time{}); err != nil {
		return false
	}
	r, err := parseRequest(text)
	if err == nil && r.V != version {
		err = fmt.Errorf("version %d of the protocol: this station has version %d: %w", r.V, version, unix.EPROTO)
	}
	if err != nil {
		s.answer(connection, refuse(0, err))
		return false
	}
	if r.Kind == "control" {
		s.control(connection, process)
		return false
	}
	handle, known := kinds[r.Kind]
	client := s.clientOf(process)
	switch {
	case !known:
		err = fmt.Errorf("%.32q is not a kind of connection: %w", r.Kind, unix.EPROTO)
	case client == nil:
		err = fmt.Errorf("a client opens its control channel first: %w", unix.EPROTO)
	default:
		kept, err = handle(client, connection, &r)
	}
	if err != nil {
		s.answer(connection, refuse(0, err))
	}
	return kept
}

// kinds are what a connection can be, beside a control channel. Each function serves the connection to its end, or keeps
// it for a stream. An error is the answer to the request.
var kinds = map[string]func(*client, *net.UnixConn, *request) (kept bool, err error){
	"connect":  (*client).connect,
	"accept":   (*client).accept,
	"datagram": toTheEnd((*client).datagram),
	"uapi":     toTheEnd((*client).configure),
}

func toTheEnd(serve func(*client, *net.UnixConn, *request) error) func(*client, *net.UnixConn, *request) (bool, error) {
	return func(c *client, connection *net.UnixConn, r *request) (bool, error) {
		return false, serve(c, connection, r)
	}
}

// answer writes an answer. Whoever cannot be answered is gone.
func (s *Station) answer(connection net.Conn, value any) bool {
	if err := connection.SetWriteDeadline(time.Now().Add(s.config.limits.request)); err != nil {
		return false
	}
	err := writeFrame(connection, value)
	return err == nil && connection.SetWriteDeadline(time.Time{}) == nil
}

// clientOf returns the client that a process is, or nil if it has no control channel.
func (s *Station) clientOf(process int) *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients[process]
}

func (c *client) configure(connection *net.UnixConn, _ *request) error {
	if c.station.answer(connection, struct{}{}) {
		c.station.config.Configure(connection)
	}
	return nil
}

// tooMany is the error of a request for more than a station has. It wraps EMFILE, as a process has it that has opened
// too many files.
func tooMany(what string, most int) error {
	return fmt.Errorf("%d %s are open, the maximum of a tunnel: close some: %w", most, what, unix.EMFILE)
}
