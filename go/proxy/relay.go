package proxy

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// drainTime is how long a client may go on sending after its target has stopped reading and has ended its own side.
// What it sends is discarded: if it were not read, the client's kernel could throw away the target's last bytes.
const drainTime = 2 * time.Second

// Relay moves bytes both ways between a client and a target, until both have ended their sides or either has failed.
// The end of one side is passed on as the end of that side alone. A failure is passed on as a reset, so that nobody
// takes half of what was sent for everything. It closes both connections. The end of ctx resets both.
func Relay(ctx context.Context, client, target net.Conn, stats *Stats) {
	r := &relay{client: client, target: target}
	defer context.AfterFunc(ctx, r.abort)()
	up := make(chan bool, 1)
	go func() { up <- r.up(&stats.sent) }()
	cleanDown := r.down(&stats.received)
	if cleanUp := <-up; cleanUp && cleanDown {
		_ = client.Close()
		_ = target.Close()
	} else {
		r.abort()
	}
}

type relay struct {
	client, target net.Conn

	mu        sync.Mutex
	draining  bool // The target reads no more.
	downEnded bool
}

func (r *relay) abort() {
	_ = Abort(r.client)
	_ = Abort(r.target)
}

// up moves what the client sends. It reports whether that came to its end.
func (r *relay) up(count *atomic.Uint64) bool {
	from := newSource(r.client)
	readErr, writeErr := from.copyTo(r.target, count)
	switch {
	case readErr != nil:
		r.abort()
		return false
	case writeErr != nil:
		// The target may have answered and closed, like a web server that does not want an upload. Its answer counts,
		// and if it has failed instead, reading from it says so.
		r.drain(from)
		return true
	}
	closeWrite(r.target)
	return true
}

// down moves what the target sends. It reports whether that came to its end.
func (r *relay) down(count *atomic.Uint64) bool {
	readErr, writeErr := newSource(r.target).copyTo(r.client, count)
	if readErr != nil || writeErr != nil {
		r.abort()
		return false
	}
	closeWrite(r.client)
	r.limitDrain(func() { r.downEnded = true })
	return true
}

// drain reads from the client until it ends its side, or for drainTime after the target has ended its own.
func (r *relay) drain(from *source) {
	r.limitDrain(func() { r.draining = true })
	_, _ = from.copyTo(discard{}, new(atomic.Uint64)) // Any end will do.
}

func (r *relay) limitDrain(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	if r.draining && r.downEnded {
		_ = r.client.SetReadDeadline(time.Now().Add(drainTime))
	}
}

type discard struct{}

func (discard) Write(data []byte) (int, error) { return len(data), nil }

// closeWrite ends what a connection sends. If it cannot be half-closed, its other end only sees the end of both.
func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // It has failed already, and reading from it says so.
	}
}

// Abort closes a connection so that its other end sees a reset, if it can.
func Abort(conn net.Conn) error {
	switch conn := conn.(type) {
	case interface{ Abort() error }:
		return conn.Abort()
	case interface{ SetLinger(int) error }:
		_ = conn.SetLinger(0) // Otherwise the other end sees an ordinary end.
	}
	return conn.Close()
}
