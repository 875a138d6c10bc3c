// Package udp is a WireGuard transport for Linux: an implementation of the engine's conn.Bind with
// batched system calls, UDP segmentation and receive offload, and sticky source addresses that
// follow the routing table.
package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"wg-bridge/go/inflight"
)

// batchSize is the number of packets that the engine hands to Send, or takes from a ReceiveFunc, at once.
const batchSize = conn.IdealBatchSize

// portAttempts bounds the search for a port that is free in both address families.
const portAttempts = 100

const (
	// openAttempts and openPause bound how often Open tries after transient errors, and how long it pauses
	// between attempts. The engine holds its locks meanwhile.
	openAttempts = 4
	openPause    = 20 * time.Millisecond
)

const (
	// routesChanged is logged after a change that may alter a route.
	routesChanged = "UDP bind: routes changed, source addresses will be checked"
	// routesChangedPause is the minimum time between two such lines: the routes of a router with a full table
	// change a thousand times a second.
	routesChangedPause = time.Second
)

var _ conn.Bind = (*Bind)(nil)

// A Bind sends and receives WireGuard's datagrams on one UDP port, over IPv4 and IPv6.
//
// All methods may be called concurrently. A Bind can be opened again after it was closed.
type Bind struct {
	logf, errorf func(format string, args ...any)
	offloads     Offloads
	optional     bool      // netlink sockets are
	timestamps   bool      // Inbound is to know how long datagrams wait
	batches      sync.Pool // of *sendBatch
	inbound      *inflight.Inbound
	outbound     *inflight.Outbound

	// generation counts the events that may change how a datagram is routed. A source address is
	// checked once per generation, before it is used. It never goes backwards, not even when the Bind is
	// opened again: the engine keeps its endpoints. It is 0 before the first Open.
	generation atomic.Uint64
	mark       atomic.Uint32
	refusals   refusals

	mu      sync.Mutex // serializes Open, Close and SetMark
	opened  atomic.Pointer[openSockets]
	former  uint16 // the port that the latest Close released, or 0
	refused func(refused, former uint16)
	failed  func(error)
}

// openSockets is what one Open acquires and the next Close releases.
type openSockets struct {
	ipv4, ipv6 *socket // one of them may be nil
	routes     *routeListener
	query      *routeQuery
}

// Config configures a Bind. With the zero value, datagrams are neither joined nor limited in number.
type Config struct {
	Offloads Offloads
	// NetlinkOptional makes Open succeed though no netlink socket can be opened, for whatever reason. Then sources
	// are not checked, but dropped once the kernel refuses them. Otherwise Open succeeds only if a sandbox denies such
	// sockets or the system has none.
	NetlinkOptional bool
	// Inbound counts packets from where they are received, Outbound those that Send takes out of the
	// engine. Either may be nil.
	Inbound  *inflight.Inbound
	Outbound *inflight.Outbound
	// Timestamps tells Inbound how long each packet has waited in its socket.
	Timestamps bool
	// Logf logs at verbose level, Errorf logs errors that the engine does not learn about. Either may be nil.
	Logf, Errorf func(format string, arguments ...any)
	// Refused is called by an Open that fails, with the port that it was to open and the port that the Close
	// right before it has released, or 0. It must not call the Bind. It may be nil.
	Refused func(refused, former uint16)
	// Failed is called once a ReceiveFunc has given up, because the kernel has returned errors for ten minutes:
	// the Bind no longer receives in that address family. It must not call the Bind. It may be nil.
	Failed func(error)
}

// NewBind returns a closed Bind.
func NewBind(config Config) *Bind {
	if config.Logf == nil {
		config.Logf = func(string, ...any) {}
	}
	if config.Errorf == nil {
		config.Errorf = func(string, ...any) {}
	}
	if config.Refused == nil {
		config.Refused = func(uint16, uint16) {}
	}
	if config.Failed == nil {
		config.Failed = func(error) {}
	}
	return &Bind{
		refused:    config.Refused,
		failed:     config.Failed,
		logf:       config.Logf,
		errorf:     config.Errorf,
		offloads:   config.Offloads,
		optional:   config.NetlinkOptional,
		timestamps: config.Timestamps,
		inbound:    config.Inbound,
		outbound:   config.Outbound,
		batches:    sync.Pool{New: func() any { return newSendBatch() }},
	}
}

// BatchSize returns the maximum number of packets that a ReceiveFunc returns at once. Send accepts any
// number.
func (*Bind) BatchSize() int { return batchSize }

// Open listens on a UDP port, for IPv4 and IPv6. It returns a function for each of the two that receives, and
// the port's number. Port 0 chooses a random port that is free in both families.
//
// Without one of the families, it opens the other alone. The error is conn.ErrBindAlreadyOpen, or the system's:
// EADDRINUSE for a port that is taken, and without either family that of IPv6, such as EAFNOSUPPORT.
func (b *Bind) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened.Load() != nil {
		return nil, 0, conn.ErrBindAlreadyOpen
	}
	opened, err := b.openSocketsWithRetries(port)
	if err != nil {
		b.refused(port, b.former)
		return nil, 0, err
	}
	ipv4, ipv6 := opened.ipv4, opened.ipv6
	b.generation.Add(1)
	b.opened.Store(opened)

	var receive []conn.ReceiveFunc
	var actual uint16
	failures := failures{logf: b.logf, errorf: b.errorf, failed: b.failed}
	if ipv4 != nil {
		receive = append(receive, newReceiver(ipv4, b.inbound, failures).receiveIPv4)
		actual = ipv4.port()
	}
	if ipv6 != nil {
		receive = append(receive, newReceiver(ipv6, b.inbound, failures).receiveIPv6)
		actual = ipv6.port()
	}
	return receive, actual, nil
}

// openSocketsWithRetries retries openSockets after transient errors. The engine opens its Bind when the interface
// comes up, and does not retry itself.
func (b *Bind) openSocketsWithRetries(port uint16) (*openSockets, error) {
	for attempt := 1; ; attempt++ {
		opened, err := b.openSockets(port)
		if err == nil || attempt == openAttempts || !isTransient(err) {
			return opened, err
		}
		time.Sleep(openPause)
	}
}

// isTransient reports whether opening a socket may succeed a moment later. A port in use, a missing permission or a
// missing address family will not change by themselves.
func isTransient(err error) bool {
	for _, lasting := range []error{syscall.EADDRINUSE, syscall.EAFNOSUPPORT, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return true
}

func (b *Bind) openSockets(port uint16) (*openSockets, error) {
	ipv4, ipv6, err := b.listenBoth(port)
	if err != nil {
		return nil, err
	}
	opened := &openSockets{ipv4: ipv4, ipv6: ipv6}
	for _, s := range []*socket{ipv4, ipv6} {
		if s != nil && b.timestamps {
			s.enableTimestamps(b.logf)
		}
	}
	if err := b.watchRoutes(opened); err != nil {
		return nil, errors.Join(err, opened.close())
	}
	return opened, nil
}

// Port returns the open UDP port, or 0.
func (b *Bind) Port() uint16 {
	opened := b.opened.Load()
	if opened == nil {
		return 0
	}
	return opened.port()
}

func (o *openSockets) port() uint16 {
	if o.ipv4 != nil {
		return o.ipv4.port()
	}
	return o.ipv6.port()
}

func (b *Bind) watchRoutes(opened *openSockets) error {
	query, err := newRouteQuery(b.logf)
	if err != nil && b.optional {
		b.logf("UDP bind: sources are not checked, because no netlink socket can be opened: %v", err)
		query, err = muteRouteQuery(b.logf), nil
	}
	if err != nil {
		return fmt.Errorf("udp: open a netlink socket to query routes: %w", err)
	}
	opened.query = query
	routes, err := newRouteListener(b.logf, b.errorf)
	if err != nil && b.optional {
		b.logf("UDP bind: changes of routes are not noticed at once, because no netlink socket can be opened: %v", err)
		routes, err = deafRouteListener(b.errorf), nil
	}
	if err != nil {
		return fmt.Errorf("udp: open a netlink socket to watch routes: %w", err)
	}
	opened.routes = routes
	var logged time.Time
	go routes.run(func() {
		b.generation.Add(1)
		if now := time.Now(); !routes.isDeaf() && now.Sub(logged) >= routesChangedPause {
			logged = now
			b.logf(routesChanged)
		}
	})
	return nil
}

// listenBoth opens a socket for each family that the host supports, on the same port.
func (b *Bind) listenBoth(port uint16) (ipv4, ipv6 *socket, err error) {
	mark := b.mark.Load()
	for attempt := 1; ; attempt++ {
		ipv4, err = listen("udp4", port, mark, b.offloads, b.logf)
		if err != nil && !isFamilyMissing(err) {
			return nil, nil, err
		}
		wanted := port
		if ipv4 != nil {
			wanted = ipv4.port()
		}
		ipv6, err = listen("udp6", wanted, mark, b.offloads, b.logf)
		if err == nil || ipv4 != nil && isFamilyMissing(err) {
			return ipv4, ipv6, nil
		}
		if ipv4 != nil {
			err = errors.Join(err, ipv4.close())
		}
		if port != 0 || attempt == portAttempts || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, nil, err
		}
	}
}

// isFamilyMissing reports whether an error of listen means that there is no such address family for this process: the
// kernel does not have it, or a sandbox denies its sockets.
func isFamilyMissing(err error) bool {
	if errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EPROTONOSUPPORT) {
		return true
	}
	var call *os.SyscallError // An address, in contrast, is denied by bind.
	return errors.As(err, &call) && call.Syscall == "socket" && errors.Is(err, os.ErrPermission)
}

// Close releases the port. Every function that Open returned fails with net.ErrClosed from now on, even one
// that is waiting for a packet. Closing a closed Bind does nothing.
func (b *Bind) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	opened := b.opened.Swap(nil)
	if opened == nil {
		b.former = 0
		return nil
	}
	b.former = opened.port()
	// The engine sets its mark after each Open, unless it was cleared meanwhile.
	b.mark.Store(0)
	return opened.close()
}

func (o *openSockets) close() error {
	var errs []error
	for _, s := range []*socket{o.ipv4, o.ipv6} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	if o.routes != nil {
		errs = append(errs, o.routes.close())
	}
	if o.query != nil {
		errs = append(errs, o.query.close())
	}
	return errors.Join(errs...)
}

// SetMark sets the fwmark (SO_MARK) of all packets sent from now until Close; 0 is none. On a closed
// Bind it applies to the next Open. The error is the system's: EPERM without CAP_NET_ADMIN.
func (b *Bind) SetMark(mark uint32) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if opened := b.opened.Load(); opened != nil {
		for _, s := range []*socket{opened.ipv4, opened.ipv6} {
			if s == nil {
				continue
			}
			if err := s.setMark(mark); err != nil {
				return fmt.Errorf("udp: set the fwmark: %w", err)
			}
		}
	}
	b.mark.Store(mark)
	b.generation.Add(1) // Routes may depend on the mark.
	return nil
}

// socketFor returns the socket that reaches an address, or nil if the host does not support its family.
func (o *openSockets) socketFor(address netip.Addr) *socket {
	if address.Is4() {
		return o.ipv4
	}
	return o.ipv6
}

// Send sends packets to an endpoint in order, as many at once as the kernel accepts. It never waits: like an
// interface's queue, it drops the packets for which a slow path has no room.
//
// Send skips a packet that is too big for any datagram. Any other error ends the call. In both cases the error
// says how many packets were not sent. It is net.ErrClosed on a closed Bind, EAFNOSUPPORT on a host without
// the endpoint's address family, and conn.ErrWrongEndpointType for an endpoint of another Bind type.
func (b *Bind) Send(packets [][]byte, endpoint conn.Endpoint) error {
	to, ok := endpoint.(*Endpoint)
	if !ok {
		return conn.ErrWrongEndpointType
	}
	opened := b.opened.Load()
	if opened == nil {
		return net.ErrClosed
	}
	s := opened.socketFor(to.destination.Addr())
	if s == nil {
		return fmt.Errorf("udp: send to %s: %w", to.destination, syscall.EAFNOSUPPORT)
	}
	batch := b.batches.Get().(*sendBatch)
	defer b.batches.Put(batch)
	transmission := transmission{
		bind: b, socket: s, batch: batch, to: to,
		source: b.checkedSource(opened.query, s, to),
	}
	return transmission.run(packets)
}

// ParseEndpoint parses an IP address and port such as "192.0.2.1:51820", "[2001:db8::1]:51820" or
// "[fe80::1%eth0]:51820". An IPv4-mapped IPv6 address stands for its IPv4 address.
func (*Bind) ParseEndpoint(text string) (conn.Endpoint, error) {
	destination, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil, err
	}
	return newEndpoint(destination), nil
}
