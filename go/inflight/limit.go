// Package inflight bounds how many packets are on their way through the engine at once.
//
// The engine's own queues take more than a thousand batches. Under load they fill: every packet waits
// behind all of them, and their buffers no longer fit in the processor's caches. Here whoever feeds
// packets to the engine waits until earlier ones have come out of it.
package inflight

import (
	"sync"
	"time"
)

// patience is how long a packet counts. The engine drops packets without telling: those without a
// peer or a session, those that are not authentic, those that a queue has no room for. What has not
// come out after once or twice this time is taken as dropped.
const patience = 2 * time.Millisecond

// A Limit counts the packets between an entrance and an exit, and lets whoever feeds the entrance
// wait while there are many.
//
// All methods may be called concurrently. A nil Limit counts nothing and never waits.
type Limit struct {
	most int

	mu       sync.Mutex
	inside   int       // packets
	checked  time.Time // by forget
	waited   int       // those of them that were inside by then
	sleepers int

	room chan struct{} // wakes one sleeper
	heal *time.Timer   // wakes one when packets may be taken as dropped
}

// New makes a limit of most packets. Packets enter by batches: a batch may enter while there is any
// room, and exceed the limit by its own length.
func New(most int) *Limit {
	l := &Limit{most: most, room: make(chan struct{}, 1)}
	l.heal = time.AfterFunc(time.Hour, l.wake)
	l.heal.Stop()
	return l
}

// Enter counts n packets that were fed to the engine.
func (l *Limit) Enter(n int) {
	if l == nil || n == 0 {
		return
	}
	l.mu.Lock()
	l.inside += n
	l.mu.Unlock()
}

// Leave counts n packets that came out of the engine.
func (l *Limit) Leave(n int) {
	if l == nil || n == 0 {
		return
	}
	l.mu.Lock()
	// Packets that were taken as dropped can still come out.
	l.inside = max(0, l.inside-n)
	l.waited = max(0, l.waited-n)
	wake := l.sleepers > 0 && l.hasRoom()
	l.mu.Unlock()
	if wake {
		l.wake()
	}
}

// Wait returns when there is room for a batch, or done is closed.
func (l *Limit) Wait(done <-chan struct{}) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		now := time.Now()
		l.forget(now)
		if l.hasRoom() {
			break
		}
		l.heal.Reset(l.checked.Add(patience).Sub(now))
		l.sleepers++
		l.mu.Unlock()
		closed := false
		select {
		case <-l.room:
		case <-done:
			closed = true
		}
		l.mu.Lock()
		l.sleepers--
		if closed {
			break
		}
	}
	if l.sleepers > 0 {
		l.wake() // There was one signal for all.
	}
}

// forget takes packets as dropped that had entered by the last check and have not come out since,
// and checks anew once patience is over.
func (l *Limit) forget(now time.Time) {
	if now.Sub(l.checked) < patience {
		return
	}
	l.inside -= l.waited
	l.checked, l.waited = now, l.inside
}

func (l *Limit) hasRoom() bool { return l.inside < l.most }

func (l *Limit) wake() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}
