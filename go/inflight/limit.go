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

// patience is how long a packet counts at least. The engine drops packets without telling, or keeps
// them: those without a peer or a session, those that are not authentic, those that a queue has no room
// for. What has not come out after once or twice this time is taken as dropped.
const patience = 2 * time.Millisecond

// A Limit counts the packets between an entrance and an exit, and lets whoever feeds the entrance
// wait while there are many. It knows them by their buffers, as the engine takes a packet through in
// the one that it came in.
//
// Packets that never come out must not keep those out that would: a peer that does not answer would
// slow down all others. So as many as were lately dropped may be inside beyond the limit.
//
// All methods may be called concurrently. A nil Limit counts nothing and never waits.
type Limit struct {
	most int

	mu       sync.Mutex
	buffers  buffers
	began    time.Time // the present period, which lasts for patience, and longer if nobody waits
	period   uint32    // its number
	present  int       // packets that entered in it and are inside
	previous int       // in the one before
	dropped  int       // those that were taken as dropped at the end of a period, of late
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

// Enter counts packets that were fed to the engine, each by the first byte of its buffer.
func (l *Limit) Enter(packets [][]byte) {
	if l == nil || len(packets) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, packet := range packets {
		// A buffer that comes again before its packet came out: that one was dropped.
		if period, was := l.buffers.enter(packet, l.period); was {
			l.discount(period)
		}
		l.present++
	}
}

// Leave counts packets that came out of the engine. Those that did not enter are left out.
func (l *Limit) Leave(packets [][]byte) {
	if l == nil || len(packets) == 0 {
		return
	}
	l.mu.Lock()
	for _, packet := range packets {
		if period, was := l.buffers.leave(packet); was && !l.discount(period) {
			l.dropped = max(0, l.dropped-1) // It was only late: the processor has more to do than it can.
		}
	}
	wake := l.sleepers > 0 && l.hasRoom()
	l.mu.Unlock()
	if wake {
		l.wake()
	}
}

// discount takes out a packet that entered in a period, and reports whether it was still counted: it may
// have been taken as dropped.
func (l *Limit) discount(period uint32) bool {
	switch period {
	case l.period:
		l.present--
	case l.period - 1:
		l.previous--
	default:
		return false
	}
	return true
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
		l.heal.Reset(l.began.Add(patience).Sub(now))
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

// forget begins a new period once patience is over, and takes those packets as dropped that entered
// before the last one and have not come out. A period in which nothing entered, or all came out, says
// little of the next: what is expected to be dropped becomes more at once, and less by and by.
func (l *Limit) forget(now time.Time) {
	if now.Sub(l.began) < patience {
		return
	}
	l.began = now
	l.period++
	l.present, l.previous, l.dropped = 0, l.present, max(l.previous, l.dropped*7/8)
}

// hasRoom counts twice what was dropped in a period, as what will be dropped of two is inside.
func (l *Limit) hasRoom() bool { return l.present+l.previous < l.most+2*l.dropped }

func (l *Limit) wake() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}
