package station

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/netstack"
	"wg-bridge/go/proxy/service"
)

const (
	// maxUntold is how many bytes of answers and events may wait for a client before incoming streams are reset instead of
	// announced.
	maxUntold = 1 << 20
	// maxRequests is how many requests of a client may be under way.
	maxRequests = 1024

	lookupTimeout = 30 * time.Second
	pingTimeout   = 10 * time.Second
)

// A client is a process with a control channel. What it opens belongs to it.
type client struct {
	station    *Station
	connection net.Conn
	outbox     *outbox
	context    context.Context // ends with the channel
	slots      chan struct{}   // one for each request under way

	mu        sync.Mutex
	listeners map[uint64]*listener
	proxies   map[uint64]*service.Service
	acks      map[uint64]chan struct{} // by stream: closed once the client knows that it has failed
}

// control serves the control channel of a process. When it ends, so do the client's listeners, and the streams that it
// has not accepted.
func (s *Station) control(connection *net.UnixConn, process int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := &client{
		station:    s,
		connection: connection,
		outbox:     newOutbox(s.config.limits.unread),
		context:    ctx,
		slots:      make(chan struct{}, maxRequests),
		listeners:  make(map[uint64]*listener),
		proxies:    make(map[uint64]*service.Service),
		acks:       make(map[uint64]chan struct{}),
	}
	s.mu.Lock()
	_, second := s.clients[process]
	if !second {
		s.clients[process] = c
	}
	s.mu.Unlock()
	if second {
		s.answer(connection, refuse(0, fmt.Errorf("process %d has a control channel: %w", process, unix.EBUSY)))
		return
	}
	var work sync.WaitGroup
	c.send(struct{}{})
	work.Go(func() {
		c.outbox.run(connection)
		_ = connection.Close() // what cannot be written ends the channel as well
	})
	err := c.readRequests(connection, &work)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, unix.ECONNRESET) {
		s.config.Errorf("Station: the control channel of process %d ends: %v", process, err)
	}
	cancel()
	s.mu.Lock()
	delete(s.clients, process)
	s.mu.Unlock()
	c.end()
	c.outbox.close()
	_ = connection.Close() // wakes the outbox
	work.Wait()
}

// end closes what the client has opened and not taken.
func (c *client) end() {
	c.mu.Lock()
	listeners, proxies := c.listeners, c.proxies
	c.listeners, c.proxies = nil, nil
	c.mu.Unlock()
	for _, one := range proxies {
		reset(one)
	}
	for _, one := range listeners {
		one.close()
	}
	for _, one := range c.station.unacceptedOf(c) {
		c.station.expire(one)
	}
}

func (c *client) readRequests(connection net.Conn, work *sync.WaitGroup) error {
	for {
		text, err := readFrame(connection)
		if err != nil {
			return err
		}
		r, err := parseRequest(text)
		if errors.Is(err, unix.EPROTO) {
			return err
		}
		if err == nil {
			err = c.do(&r, work)
		}
		if err != nil {
			c.refuse(r.ID, err)
		}
	}
}

// send puts a frame into the outbox. It reports false if the client does not read, and ends the channel of one that has
// too much to read.
func (c *client) send(value any) bool {
	frame, err := appendFrame(nil, value)
	if err != nil {
		c.station.config.Errorf("Station: %v", err)
		return false
	}
	sent := c.outbox.put(len(frame), func(to []byte) []byte { return append(to, frame...) })
	if !sent {
		_ = c.connection.Close() // the outbox may wait for its client; both end now
	}
	return sent
}

func (c *client) refuse(id uint64, err error) { c.send(refuse(id, err)) }

// do does what one request on the control channel asks for, or begins it. It answers, unless it returns an error.
func (c *client) do(r *request, work *sync.WaitGroup) error {
	switch r.Kind {
	case "network":
		return c.setNetwork(r)
	case "listen":
		return c.listen(r)
	case "unlisten":
		return c.unlisten(r)
	case "reset":
		return c.resetStream(r)
	case "option":
		return c.setOptions(r)
	case "ack":
		c.acknowledge(r.Stream)
		return nil // nobody waits for an answer
	case "stats":
		if r.Proxy != 0 {
			return c.tellCounts(r)
		}
		return c.tellStats(r)
	case "lookup":
		return c.begin(r, work, c.lookup)
	case "ping":
		return c.begin(r, work, c.ping)
	case "proxy":
		return c.begin(r, work, c.offer)
	case "unproxy":
		return c.begin(r, work, c.withdraw)
	}
	return fmt.Errorf("%.32q is not a kind of request: %w", r.Kind, unix.EPROTO)
}

// begin does a request that takes time beside those that follow.
func (c *client) begin(r *request, work *sync.WaitGroup, do func(context.Context, *request) error) error {
	select {
	case c.slots <- struct{}{}:
	default:
		return fmt.Errorf("%d requests are under way: wait for some: %w", maxRequests, unix.EAGAIN)
	}
	work.Go(func() {
		if err := do(c.context, r); err != nil {
			c.refuse(r.ID, err)
		}
		<-c.slots
	})
	return nil
}

// setNetwork sets the addresses, the DNS servers, the MTU and the memory of the tunnel.
func (c *client) setNetwork(r *request) error {
	addresses, err := parseAddresses(r.Addresses)
	if err != nil {
		return err
	}
	servers, err := parseAddresses(r.DNS)
	if err != nil {
		return err
	}
	if r.Memory != 0 {
		if err := c.station.config.Network.SetMemory(r.Memory); err != nil {
			return err
		}
	}
	if r.MTU != 0 {
		if err := c.station.config.Network.SetMTU(r.MTU); err != nil {
			return err
		}
	}
	if err := c.station.config.Network.SetAddresses(addresses); err != nil {
		return err
	}
	c.station.config.Resolver.Configure(servers, r.Search)
	c.send(done{r.ID})
	return nil
}

func (c *client) lookup(ctx context.Context, r *request) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addresses, err := c.station.lookup(ctx, r.Name, r.Family)
	if err != nil {
		return err
	}
	c.send(found{r.ID, addresses})
	return nil
}

// lookup returns the addresses of a name. An address is its own name.
func (s *Station) lookup(ctx context.Context, name string, family int) ([]netip.Addr, error) {
	if family != 0 && family != 4 && family != 6 {
		return nil, fmt.Errorf("there is no address family %d: choose 4 or 6, or 0 for both: %w", family, unix.EINVAL)
	}
	if address, err := parseAddress(name); err == nil {
		if family == 4 && !address.Is4() || family == 6 && !address.Is6() {
			return nil, &NameError{"ENOTFOUND", fmt.Errorf("%s is not an address of family IPv%d", name, family)}
		}
		return []netip.Addr{address}, nil
	}
	addresses, err := s.config.Resolver.Lookup(ctx, name, family)
	if err == nil && len(addresses) == 0 {
		err = &NameError{"ENOTFOUND", fmt.Errorf("%q has no address", name)}
	}
	return addresses, err
}

func (c *client) ping(ctx context.Context, r *request) error {
	limit, err := r.limit(pingTimeout)
	if err != nil {
		return err
	}
	address, err := parseAddress(r.Address)
	if err != nil {
		return err
	}
	if err := c.station.config.Reachable(address); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	took, err := c.station.config.Network.Ping(ctx, address, r.Size)
	if errors.Is(err, context.DeadlineExceeded) {
		return &lateError{fmt.Sprintf("%v did not answer", address), limit}
	}
	if err != nil {
		return err
	}
	c.send(echoed{r.ID, address, float64(took) / float64(time.Millisecond)})
	return nil
}

func (c *client) resetStream(r *request) error {
	stream, err := c.station.streamOf(c, r.Stream)
	if err != nil {
		return err
	}
	stream.reset()
	c.send(done{r.ID})
	return nil
}

func (c *client) setOptions(r *request) error {
	stream, err := c.station.streamOf(c, r.Stream)
	if err != nil {
		return err
	}
	if err := r.apply(stream.conn); err != nil {
		return err
	}
	c.send(done{r.ID})
	return nil
}

// Those of the kernel and of libuv, so that setKeepAlive means what it means on other sockets of Node.js.
const (
	keepAliveIdle     = 2 * time.Hour
	keepAliveInterval = time.Second
	keepAliveProbes   = 10
)

// apply sets the options that a request names.
func (r *request) apply(conn *netstack.Conn) error {
	if r.NoDelay != nil {
		if err := conn.SetNoDelay(*r.NoDelay); err != nil {
			return err
		}
	}
	switch {
	case r.KeepAlive == nil:
		return nil
	case !r.KeepAlive.on:
		return conn.SetKeepAlive(0, 0, 0)
	case r.KeepAlive.idle == 0:
		return conn.SetKeepAlive(keepAliveIdle, 0, 0)
	}
	return conn.SetKeepAlive(r.KeepAlive.idle, keepAliveInterval, keepAliveProbes)
}

// tellFailure says on the control channel that a stream has failed, and returns once the client knows that. It does not
// wait for ever, nor for a client that is gone.
func (c *client) tellFailure(id uint64, err error) {
	known := make(chan struct{})
	c.mu.Lock()
	c.acks[id] = known
	c.mu.Unlock()
	if c.send(failedEvent{Event: "failed", Stream: id, Errno: nameOf(err), Message: err.Error()}) {
		timer := time.NewTimer(c.station.config.limits.ack)
		defer timer.Stop()
		select {
		case <-known:
		case <-timer.C:
		case <-c.context.Done():
		case <-c.station.closing:
		}
	}
	c.mu.Lock()
	delete(c.acks, id)
	c.mu.Unlock()
}

// acknowledge ends the wait of tellFailure.
func (c *client) acknowledge(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, waits := c.acks[id]; waits {
		close(known)
		delete(c.acks, id)
	}
}
