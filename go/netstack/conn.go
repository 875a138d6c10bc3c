package netstack

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

// A Conn is a TCP connection through the tunnel. All methods may be called concurrently.
type Conn struct {
	endpoint      tcpip.Endpoint
	queue         *waiter.Queue
	local, remote netip.AddrPort
	closed        atomic.Bool
	givesUp       atomic.Bool // GiveUpAfter was called
	// failure is why the connection failed. The stack tells it once, to whichever call is first.
	failure atomic.Pointer[error]

	reading, writing    sync.Mutex // held by the one call that reads, and the one that writes
	readable, writable  lazySignal
	readLimit, writeEnd deadline
	piece               int // bytes that are written at once
	// What Write and Splice have not written yet; apart, since the stack keeps them through TIME-WAIT.
	source  *bytes.Reader
	spliced *spliced
}

var _ net.Conn = (*Conn)(nil)

// newConn returns the connection of an endpoint that is connected.
func (d *Device) newConn(endpoint tcpip.Endpoint, queue *waiter.Queue, protocol tcpip.NetworkProtocolNumber) *Conn {
	c := &Conn{endpoint: endpoint, queue: queue, source: new(bytes.Reader), piece: pieceOf(d.link.MTU(), protocol)}
	if local, err := endpoint.GetLocalAddress(); err == nil {
		c.local = fromStack(local, protocol)
	}
	if remote, err := endpoint.GetRemoteAddress(); err == nil {
		c.remote = fromStack(remote, protocol)
	}
	return c
}

// Endpoint returns the stack's endpoint, for those who move bytes without copying them. Whoever reads from it calls
// its ModerateRecvBuf.
func (c *Conn) Endpoint() tcpip.Endpoint { return c.endpoint }

// Queue returns the queue that reports the endpoint's events.
func (c *Conn) Queue() *waiter.Queue { return c.queue }

// Local returns the address of this end.
func (c *Conn) Local() netip.AddrPort { return c.local }

// Remote returns the address of the other end.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// LocalAddr returns the address of this end, a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return tcpAddress(c.local) }

// RemoteAddr returns the address of the other end, a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return tcpAddress(c.remote) }

// Read reads what has arrived, at most len(to) bytes, and waits if nothing has. It returns io.EOF after the other
// end has closed its side. If the connection was reset or timed out, every call returns that.
func (c *Conn) Read(to []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(to) == 0 {
		return 0, nil
	}
	for {
		if err := c.ended("read", &c.readLimit); err != nil {
			return 0, err
		}
		writer := tcpip.SliceWriter(to)
		result, err := c.endpoint.Read(&writer, tcpip.ReadOptions{})
		switch err.(type) {
		case nil:
			c.endpoint.ModerateRecvBuf(result.Count)
			return result.Count, nil
		case *tcpip.ErrWouldBlock:
		case *tcpip.ErrClosedForReceive:
			if c.closed.Load() {
				return 0, c.opError("read", net.ErrClosed)
			}
			if failure := c.failure.Load(); failure != nil {
				return 0, c.opError("read", *failure)
			}
			return 0, io.EOF
		default:
			return 0, c.opError("read", c.fail("read", err))
		}
		c.await(&c.readable, waiter.ReadableEvents, &c.readLimit)
	}
}

// Write writes all bytes, and waits as long as the buffers are full.
func (c *Conn) Write(from []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	defer c.source.Reset(nil)
	written := 0
	for {
		if err := c.ended("write", &c.writeEnd); err != nil || written == len(from) {
			return written, err
		}
		c.source.Reset(from[written:min(len(from), written+c.piece)])
		n, err := c.endpoint.Write(c.source, tcpip.WriteOptions{})
		written += int(n) // The stack can take fewer bytes than it reads.
		switch err.(type) {
		case nil:
			continue
		case *tcpip.ErrWouldBlock:
		default:
			return written, c.opError("write", c.fail("write", err))
		}
		c.await(&c.writable, waiter.WritableEvents, &c.writeEnd)
	}
}

// ended returns why an operation must end: the connection was closed, or the operation's time is over.
func (c *Conn) ended(operation string, limit *deadline) error {
	switch {
	case c.closed.Load():
		return c.opError(operation, net.ErrClosed)
	case limit.isOver():
		return c.opError(operation, os.ErrDeadlineExceeded)
	}
	return nil
}

// await waits for events, or for the end of a time. It may return early.
func (c *Conn) await(signal *lazySignal, events waiter.EventMask, limit *deadline) {
	woken, isNew := signal.channel(c.queue, events)
	if isNew {
		return
	}
	select {
	case <-woken:
	case <-limit.wait():
	}
}

// fail returns why an operation failed. The first failure of the connection is the reason of all later ones.
func (c *Conn) fail(operation string, err tcpip.Error) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	failure := os.NewSyscallError(operation, Errno(err))
	switch err.(type) {
	case *tcpip.ErrConnectionReset, *tcpip.ErrTimeout, *tcpip.ErrAborted, *tcpip.ErrConnectionAborted,
		*tcpip.ErrHostUnreachable, *tcpip.ErrNetworkUnreachable:
		c.failure.CompareAndSwap(nil, &failure)
		return *c.failure.Load()
	case *tcpip.ErrClosedForSend:
		if first := c.failure.Load(); first != nil {
			return *first
		}
	}
	return failure
}

func (c *Conn) opError(operation string, err error) error {
	return opError(operation, "tcp", c.LocalAddr(), c.RemoteAddr(), err)
}

// CloseWrite ends this end's side: the other end reads io.EOF after everything that was written. Reading goes on.
func (c *Conn) CloseWrite() error { return c.shutdown(tcpip.ShutdownWrite) }

// CloseRead makes reads return io.EOF. What arrives from now on is discarded.
func (c *Conn) CloseRead() error { return c.shutdown(tcpip.ShutdownRead) }

func (c *Conn) shutdown(side tcpip.ShutdownFlags) error {
	if c.closed.Load() {
		return c.opError("shutdown", net.ErrClosed)
	}
	if err := c.endpoint.Shutdown(side); err != nil {
		return c.opError("shutdown", c.fail("shutdown", err))
	}
	return nil
}

// Close closes both sides. What was written is still sent; what has arrived and was not read resets the connection.
func (c *Conn) Close() error { return c.close(c.endpoint.Close) }

// Abort resets the connection at once. The other end gets RST, and what was not sent yet is lost.
func (c *Conn) Abort() error {
	return c.close(func() {
		c.endpoint.Abort()
		c.endpoint.Close()
	})
}

func (c *Conn) close(end func()) error {
	if c.closed.Swap(true) {
		return c.opError("close", net.ErrClosed)
	}
	end()
	// The endpoint lives on until the other end has confirmed the end. It need not keep this alive as well, nor
	// wake anybody else.
	c.readable.end(c.queue)
	c.writable.end(c.queue)
	c.readLimit.set(time.Time{})
	c.writeEnd.set(time.Time{})
	return nil
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline makes Read fail with os.ErrDeadlineExceeded from t on, also a call that waits. The zero time
// never comes.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.opError("set", net.ErrClosed)
	}
	c.readLimit.set(t)
	return nil
}

// SetWriteDeadline does for Write what SetReadDeadline does for Read.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.opError("set", net.ErrClosed)
	}
	c.writeEnd.set(t)
	return nil
}

// SetNoDelay decides whether small writes are sent at once, as is the default, or wait to be joined (Nagle).
func (c *Conn) SetNoDelay(noDelay bool) error {
	if c.closed.Load() {
		return c.opError("set", net.ErrClosed)
	}
	c.endpoint.SocketOptions().SetDelayOption(!noDelay)
	return nil
}

// SetKeepAlive makes the stack probe a connection that was idle for the given time, or stops that if idle is 0. The
// probes follow each other after interval; after count of them without an answer the connection times out. For an
// interval or count of 0 the present value stays.
func (c *Conn) SetKeepAlive(idle, interval time.Duration, count int) error {
	if c.closed.Load() {
		return c.opError("set", net.ErrClosed)
	}
	if idle > 0 {
		option := tcpip.KeepaliveIdleOption(idle)
		if err := c.endpoint.SetSockOpt(&option); err != nil {
			return c.opError("set", c.fail("setsockopt", err))
		}
	}
	if interval > 0 {
		option := tcpip.KeepaliveIntervalOption(interval)
		if err := c.endpoint.SetSockOpt(&option); err != nil {
			return c.opError("set", c.fail("setsockopt", err))
		}
	}
	if count > 0 {
		if err := c.endpoint.SetSockOptInt(tcpip.KeepaliveCountOption, count); err != nil {
			return c.opError("set", c.fail("setsockopt", err))
		}
	}
	c.endpoint.SocketOptions().SetKeepAlive(idle > 0)
	return nil
}
