package proxytest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how much a stream holds that its reader has not taken.
const window = 256 << 10

// A Conn is one end of a stream in memory that behaves as TCP does: it can be half-closed, and aborted.
type Conn struct {
	local, remote netip.AddrPort
	in, out       *half
}

// A half is one direction.
type half struct {
	mu       sync.Mutex
	changed  sync.Cond
	data     []byte
	ended    bool // The writer has closed its side.
	unwanted bool // The reader has closed; what is written is answered with a reset.
	reset    bool
	closed   bool // by the reader itself
	deadline [2]alarm
}

// The deadlines of a half.
const (
	reading = iota
	writing
)

// An alarm is a deadline.
type alarm struct {
	at    time.Time
	timer *time.Timer
}

func newHalf() *half {
	h := &half{}
	h.changed.L = &h.mu
	return h
}

// newStream returns both ends of a stream.
func newStream(client, server netip.AddrPort) (*Conn, *Conn) {
	up, down := newHalf(), newHalf()
	return &Conn{client, server, down, up}, &Conn{server, client, up, down}
}

func (h *half) set(which int, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	alarm := &h.deadline[which]
	if alarm.timer != nil {
		alarm.timer.Stop()
	}
	alarm.at, alarm.timer = at, nil
	if !at.IsZero() {
		alarm.timer = time.AfterFunc(time.Until(at), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.changed.Broadcast()
		})
	}
	h.changed.Broadcast()
}

func (h *half) isLate(which int) bool {
	at := h.deadline[which].at
	return !at.IsZero() && !time.Now().Before(at)
}

func (h *half) change(with func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	with()
	h.changed.Broadcast()
}

// Read implements net.Conn.
func (c *Conn) Read(into []byte) (int, error) {
	h := c.in
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.closed:
			return 0, c.failure("read", net.ErrClosed)
		case h.isLate(reading):
			return 0, c.failure("read", os.ErrDeadlineExceeded)
		case len(into) == 0:
			return 0, nil
		case len(h.data) > 0:
			length := copy(into, h.data)
			h.data = h.data[length:]
			h.changed.Broadcast()
			return length, nil
		case h.reset:
			return 0, c.failure("read", syscall.ECONNRESET)
		case h.ended:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

// Write implements net.Conn.
func (c *Conn) Write(data []byte) (written int, err error) {
	h := c.out
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.ended:
			return written, c.failure("write", net.ErrClosed)
		case h.unwanted || h.reset:
			return written, c.failure("write", syscall.ECONNRESET)
		case h.isLate(writing):
			return written, c.failure("write", os.ErrDeadlineExceeded)
		case len(data) == 0:
			return written, nil
		case len(h.data) < window:
			length := min(window-len(h.data), len(data))
			h.data = append(h.data, data[:length]...)
			written, data = written+length, data[length:]
			h.changed.Broadcast()
			continue
		}
		h.changed.Wait()
	}
}

func (c *Conn) failure(operation string, err error) error {
	return &net.OpError{Op: operation, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// CloseWrite ends what this end sends.
func (c *Conn) CloseWrite() error {
	c.out.change(func() { c.out.ended = true })
	return nil
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.out.change(func() { c.out.ended = true })
	c.in.change(func() { c.in.closed, c.in.unwanted, c.in.data = true, true, nil })
	return nil
}

// Abort closes the stream so that its other end sees a reset.
func (c *Conn) Abort() error {
	c.out.change(func() { c.out.reset, c.out.ended = true, true })
	c.in.change(func() { c.in.reset, c.in.closed, c.in.unwanted, c.in.data = true, true, true, nil })
	return nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(at time.Time) error {
	c.in.set(reading, at)
	c.out.set(writing, at)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(at time.Time) error {
	c.in.set(reading, at)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(at time.Time) error {
	c.out.set(writing, at)
	return nil
}
