package station

import (
	"net"
	"sync"
)

// An outbox holds what waits to be written to a client, which may read slowly. It takes memory only while something
// waits, and has a bound. One goroutine runs it; any number put into it.
type outbox struct {
	max int // bytes

	mu      sync.Mutex
	waiting []byte
	writing int  // bytes that have left waiting, and are not written yet
	closed  bool // nothing more is written
	ready   chan struct{}
}

func newOutbox(max int) *outbox { return &outbox{max: max, ready: make(chan struct{}, 1)} }

// put appends what add returns for the waiting bytes, unless these would then exceed the bound. It reports whether
// they are to be written.
func (o *outbox) put(size int, add func(to []byte) []byte) bool {
	o.mu.Lock()
	if o.closed || len(o.waiting)+o.writing+size > o.max {
		o.mu.Unlock()
		return false
	}
	o.waiting = add(o.waiting)
	o.mu.Unlock()
	o.wake()
	return true
}

func (o *outbox) wake() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// run writes what is put, until the outbox is closed or the client is gone. It then refuses everything.
func (o *outbox) run(to net.Conn) {
	defer o.close()
	var spare []byte
	for range o.ready {
		for {
			o.mu.Lock()
			batch, closed := o.waiting, o.closed
			o.waiting, o.writing = spare[:0], len(batch)
			o.mu.Unlock()
			spare = nil
			if closed {
				return
			}
			if len(batch) == 0 {
				break
			}
			if _, err := to.Write(batch); err != nil {
				return
			}
			spare = batch // for what has been put meanwhile
		}
		o.mu.Lock()
		o.writing = 0
		if len(o.waiting) == 0 {
			o.waiting = nil
		}
		o.mu.Unlock()
	}
}

// close makes run return, once it does not write, and refuses everything from now on.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed, o.waiting = true, nil
	o.mu.Unlock()
	o.wake()
}

// size returns how many bytes are not written yet.
func (o *outbox) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting) + o.writing
}
