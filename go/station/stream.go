package station

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"wg-bridge/go/netstack"
)

// A stream is a TCP connection through the tunnel. Once a connection to the station carries it, two pumps move its bytes:
// each waits for one side and writes to the other, so that a slow side holds up the other one and no memory is taken. An
// idle stream has no buffer, and one small goroutine.
//
// The client's side ends like this:
//   - The client has ended its side: the tunnel's side ends too, and the other direction goes on.
//   - The client has closed the connection: as after close(2), what it had sent is still sent, and what it has not read,
//     or comes later, resets the tunnel's connection.
//   - The tunnel's connection has failed: the client learns why on its control channel, and only then does the stream
//     end. Otherwise the failure would look like the end of the data.
type stream struct {
	client   *client
	id       uint64
	conn     *netstack.Conn
	endpoint tcpip.Endpoint
	waiting  *time.Timer // resets a stream that nobody has accepted; nil once somebody has

	mu         sync.Mutex
	connection *net.UnixConn // nil until the stream is accepted
	isReset    atomic.Bool   // by us

	inbound  inbound
	outbound outbound
	pumps    atomic.Int32 // that have not ended
	sendErr  error        // why outbound has ended
	raw      syscall.RawConn
	received atomic.Bool // the tunnel's side has ended, and the client has all of it
	gone     atomic.Bool // the client has closed the connection
}

// Why a pump ends, if neither the data nor the tunnel's connection does.
var (
	errGone  = errors.New("the client is gone")
	errEnded = errors.New("the stream was ended elsewhere")
	errLeft  = fmt.Errorf("the other end reset the connection through the tunnel, after it had ended its side: %w", unix.EPIPE)
)

// reserve takes the place and the id of a stream, before it connects. With false there is no place left.
func (s *Station) reserve() (id uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.streams) >= s.config.limits.streams {
		return 0, false
	}
	s.last++
	s.streams[s.last] = nil
	return s.last, true
}

// keep puts a stream in its place. It resets it if the station is closed.
func (s *Station) keep(t *stream) {
	s.mu.Lock()
	closed := s.closed
	s.streams[t.id] = t
	s.mu.Unlock()
	if closed {
		t.reset()
	}
}

func (s *Station) release(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, id)
}

func (s *Station) streamOf(c *client, id uint64) (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.streams[id]; t != nil && t.client == c {
		return t, nil
	}
	return nil, fmt.Errorf("there is no stream %d: %w", id, unix.EBADF)
}

// reset resets the tunnel's connection and closes the client's.
func (t *stream) reset() {
	t.isReset.Store(true)
	t.endpoint.Abort()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.connection != nil {
		_ = t.connection.Close() // the pumps may have been faster
	}
}

// run moves the stream's bytes from now on. It returns false if there is nothing to move; otherwise the stream closes
// the connection, and gives its place back, once both sides have ended.
func (t *stream) run(connection *net.UnixConn) bool {
	raw, err := connection.SyscallConn()
	if err != nil {
		t.endpoint.Abort()
		_ = t.conn.Close()
		return false
	}
	t.raw = raw
	t.mu.Lock()
	t.connection = connection
	t.mu.Unlock()
	if t.isReset.Load() {
		_ = t.conn.Close()
		return false // and the caller closes the connection
	}
	t.client.station.work.Add(1)
	t.pumps.Store(2)
	t.inbound.stream, t.outbound.stream = t, t
	t.outbound.start()
	t.inbound.start()
	return true
}

// inboundEnded is what follows inbound.
func (t *stream) inboundEnded(err error) {
	switch {
	case err == nil:
		t.received.Store(true)        // before the client can answer with its own end
		_ = t.connection.CloseWrite() // fails if the client is gone
		t.wake()
	case errors.Is(err, errGone):
		t.endpoint.Abort() // it has not read everything
		_ = t.connection.Close()
	case errors.Is(err, errEnded):
		t.wake() // outbound knows why, or reset was called
	default:
		t.fail(err)
		_ = t.connection.Close()
	}
	t.pumpEnded()
}

// outboundEnded keeps why outbound has ended: what inbound knows about a failure goes first.
func (t *stream) outboundEnded(err error) {
	t.sendErr = err
	t.pumpEnded()
}

// pumpEnded ends the stream after both pumps.
func (t *stream) pumpEnded() {
	if t.pumps.Add(-1) > 0 {
		return
	}
	switch err := t.sendErr; {
	case err == nil, errors.Is(err, errGone), errors.Is(err, errEnded):
	default:
		t.fail(err)
	}
	_ = t.connection.Close()
	t.orphan()
	_ = t.conn.Close()
	s := t.client.station
	s.release(t.id)
	s.forget(t.connection)
	s.work.Done()
}

// orphan bounds the life of a connection that no client has any more, and that may still send.
func (t *stream) orphan() { t.conn.GiveUpAfter(t.client.station.config.limits.orphan) }

// fail tells the client why the tunnel's connection has failed, unless that is its own doing.
func (t *stream) fail(err error) {
	if !t.isReset.Load() && !t.gone.Load() {
		t.client.tellFailure(t.id, err)
	}
	t.isReset.Store(true) // nothing more is to be told
}

// wake makes outbound look again at what it waits for.
func (t *stream) wake() { _ = t.connection.SetReadDeadline(past) }

// failureOf returns what the stack reports about a connection as an error that wraps its number.
func failureOf(failure tcpip.Error) error {
	return fmt.Errorf("the connection through the tunnel failed: %w", netstack.Errno(failure))
}

// hasFailed reports whether the connection has failed. The stack says why only once, to whichever pump asks first.
func (t *stream) hasFailed() bool { return tcp.EndpointState(t.endpoint.State()) == tcp.StateError }
