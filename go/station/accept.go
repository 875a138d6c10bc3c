package station

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
	"wg-bridge/go/netstack"
)

// A listener announces the TCP connections that come through the tunnel for one port.
type listener struct {
	client  *client
	id      uint64 // that of the request that began it
	tcp     *netstack.Listener
	closing chan struct{}
}

// listen begins to listen. The listener's id is that of the request.
func (c *client) listen(r *request) error {
	local, err := c.station.parseLocal(r.Address, r.Port)
	if err != nil {
		return err
	}
	if r.Backlog < 0 {
		return fmt.Errorf("a backlog of %d connections: %w", r.Backlog, unix.EINVAL)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.listeners[r.ID]; taken {
		return fmt.Errorf("there is a listener %d: %w", r.ID, unix.EEXIST)
	}
	if !c.station.countListener(+1) {
		return tooMany("listeners", c.station.config.limits.listeners)
	}
	tcp, err := c.station.config.Network.ListenTCP(local, r.Backlog)
	if err != nil {
		c.station.countListener(-1)
		return err
	}
	one := &listener{client: c, id: r.ID, tcp: tcp, closing: make(chan struct{})}
	c.listeners[r.ID] = one
	bound := tcp.Local()
	// Before the first connection is announced.
	c.send(listening{r.ID, r.ID, bound.Addr().String(), bound.Port()})
	c.station.work.Go(one.run)
	return nil
}

// countListener counts a listener, and reports whether there may be one more.
func (s *Station) countListener(by int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if by > 0 && (s.closed || s.listeners >= s.config.limits.listeners) {
		return false
	}
	s.listeners += by
	return true
}

func (c *client) unlisten(r *request) error {
	c.mu.Lock()
	one, known := c.listeners[r.Listener]
	delete(c.listeners, r.Listener)
	c.mu.Unlock()
	if !known {
		return fmt.Errorf("there is no listener %d: %w", r.Listener, unix.EBADF)
	}
	one.close()
	c.send(done{r.ID})
	return nil
}

func (l *listener) close() {
	close(l.closing)
	_ = l.tcp.Close() // its error says that it is closed
	l.client.station.countListener(-1)
}

// run announces connections until the listener is closed.
func (l *listener) run() {
	for failures := 0; ; {
		conn, err := l.tcp.AcceptTCP()
		if err == nil {
			failures = 0
			l.announce(conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if failures++; backoff.ShouldLog(failures) {
			l.client.station.config.Errorf("Station: accepting on %s: %v", l.tcp.Local(), err)
		}
		if !backoff.Wait(failures, l.closing) {
			return
		}
	}
}

// announce tells the client of a connection. It resets one for which there is no place, or that cannot be told.
func (l *listener) announce(conn *netstack.Conn) {
	s := l.client.station
	t := &stream{client: l.client, conn: conn, endpoint: conn.Endpoint()}
	if !s.park(t) {
		_ = conn.Abort()
		return
	}
	remote := conn.Remote()
	if l.client.outbox.size() > maxUntold || !l.client.send(incomingEvent{
		Event: "incoming", Listener: l.id, Stream: t.id, Address: remote.Addr().String(), Port: remote.Port(),
	}) {
		s.expire(t)
	}
}

// park keeps a stream until it is accepted, for a limited time.
func (s *Station) park(t *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.unaccepted >= s.config.limits.unaccepted || len(s.streams) >= s.config.limits.streams {
		return false
	}
	s.last++
	t.id = s.last
	s.streams[t.id] = t
	s.unaccepted++
	t.waiting = time.AfterFunc(s.config.limits.accept, func() { s.expire(t) })
	return true
}

// take returns a client's stream that is not accepted yet, which it is from now on.
func (s *Station) take(c *client, id uint64) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.streams[id]
	if t == nil || t.client != c || t.waiting == nil {
		return nil
	}
	t.waiting.Stop()
	t.waiting = nil
	s.unaccepted--
	return t
}

// expire resets a stream that nobody has accepted.
func (s *Station) expire(t *stream) {
	if s.take(t.client, t.id) == nil {
		return
	}
	s.release(t.id)
	_ = t.conn.Abort()
}

// unacceptedOf returns a client's streams that are not accepted.
func (s *Station) unacceptedOf(c *client) (streams []*stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.streams {
		if t != nil && t.client == c && t.waiting != nil {
			streams = append(streams, t)
		}
	}
	return streams
}

// accept carries a stream that was announced.
func (c *client) accept(connection *net.UnixConn, r *request) (kept bool, err error) {
	t := c.station.take(c, r.Stream)
	if t == nil {
		return false, fmt.Errorf("stream %d does not wait to be accepted, or no longer: %w", r.Stream, unix.ECONNABORTED)
	}
	defer func() {
		if !kept {
			c.station.release(t.id)
		}
	}()
	if err := r.apply(t.conn); err != nil {
		return false, errors.Join(err, t.conn.Abort())
	}
	return c.run(connection, t), nil
}
