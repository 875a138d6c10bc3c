// Package inflight bounds the packets inside the engine: those on their way through it, and those that
// wait in it for a peer that does not answer.
//
// The engine's own queues hold more than a thousand batches for each peer. Under load they fill: every
// packet waits behind all of them, and their buffers take hundreds of MiB. So whoever feeds packets to
// the engine waits until earlier ones have come out, and feeds packets that may have to wait one by one.
package inflight

import (
	"sync"
	"time"
)

// A limit counts the packets between an entrance of the engine and an exit, and makes whoever feeds the
// entrance wait while there are too many. It recognises a packet by its buffer, which stays the same on its
// way through the engine.
//
// Only packets of flows that are flowing count. Those of a stuck flow wait, or were dropped: they must not
// keep out packets that would come out.
type limit struct {
	max         uint32        // weight
	busyTimeout time.Duration // how long a busy processor may keep all packets from coming out
	now         func() moment

	mu      sync.Mutex
	buffers buffers
	inside  uint32  // the sum of all flows' counted weights
	counted []*flow // the flows whose counted weight is not 0, and perhaps others
	waiting uint32  // the sum of all flows' waiting weights
	waiters int
	lastOut moment        // when a packet of any flow last came out
	drained chan struct{} // wakes who drains; nil if nobody does

	room  chan struct{} // wakes one waiter
	retry *time.Timer   // wakes a waiter once overdue packets can be written off
}

func newLimit(max int, busyTimeout time.Duration) *limit {
	start := time.Now()
	l := &limit{
		max:         uint32(max),
		busyTimeout: busyTimeout,
		now:         func() moment { return moment(time.Since(start)) },
		room:        make(chan struct{}, 1),
	}
	l.retry = time.AfterFunc(time.Hour, l.wake)
	l.retry.Stop()
	return l
}

// Max returns how many packets may be on their way.
func (l *limit) Max() int { return int(l.max) }

// enter records a packet of a flow, and counts it if the flow is flowing.
func (l *limit) enter(packet []byte, size int, ecn ECN, waited Wait, of *flow, flowing bool, now moment) {
	l.buffers.enter(packet, entry{of, of.enter(weigh(size), now), waited, ecn})
	if flowing {
		l.count(of)
	}
}

// flows reports whether packets of a flow come out, so that those that enter now will not wait.
func (l *limit) flows(f *flow, now moment) bool { return f.flowedRecently(now) && !l.stuck(f, now) }

// stuck reports whether packets of a flow are inside, and none has come out for too long.
func (l *limit) stuck(f *flow, now moment) bool {
	waited := now.since(f.progress)
	return f.inside() > 0 && (waited >= l.busyTimeout || waited >= stallTimeout && l.lastOut > f.progress)
}

// count makes all of a flow's packets inside count.
func (l *limit) count(f *flow) {
	l.inside += f.inside() - f.counted // modulo 2^32: the difference may be negative
	f.counted = f.inside()
	if !f.listed && f.counted > 0 {
		f.listed = true
		l.counted = append(l.counted, f)
	}
}

// uncount makes none of a flow's packets count.
func (l *limit) uncount(f *flow) {
	l.inside -= f.counted
	f.counted = 0
}

// leave records packets that came out of the engine, and stores the marks with which they entered in ecn, and how long
// they had waited in waited, unless it is nil. A packet that did not enter is ignored, and gets no mark and no wait.
func (l *limit) leave(packets [][]byte, ecn []ECN, waited []Wait) {
	clear(ecn)
	clear(waited)
	if len(packets) == 0 {
		return
	}
	l.mu.Lock()
	now := l.now()
	for i, packet := range packets {
		if e, known := l.buffers.leave(packet); known {
			ecn[i] = e.ecn
			if waited != nil {
				waited[i] = e.waited
			}
			e.flow.leave(e.sequence, now)
			l.lastOut = now
			l.count(e.flow)
			l.setWaiting(e.flow, 0)
		}
	}
	wake := l.waiters > 0 && l.hasRoom()
	if l.drained != nil {
		signal(l.drained)
	}
	l.mu.Unlock()
	if wake {
		l.wake()
	}
}

// setWaiting sets the weight of a flow that waits in the engine.
func (l *limit) setWaiting(f *flow, weight uint32) {
	l.waiting += weight - f.waiting // modulo 2^32: the difference may be negative
	f.waiting = weight
}

// wait returns once there is room for a batch, or done is closed. A batch may enter while there is any
// room, and may exceed the limit by its own length.
func (l *limit) wait(done <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.hasRoom() {
		if l.uncountStuck(l.now()); l.hasRoom() {
			break
		}
		l.retry.Reset(stallTimeout)
		l.waiters++
		l.mu.Unlock()
		closed := false
		select {
		case <-l.room:
		case <-done:
			closed = true
		}
		l.mu.Lock()
		l.waiters--
		if closed {
			break
		}
	}
	if l.waiters > 0 {
		l.wake() // One signal stands for any number of waiters.
	}
}

// uncountStuck makes the packets of stuck flows no longer count.
func (l *limit) uncountStuck(now moment) {
	counted := l.counted[:0]
	for _, f := range l.counted {
		if l.stuck(f, now) {
			l.uncount(f)
		}
		if f.listed = f.counted > 0; f.listed {
			counted = append(counted, f)
		}
	}
	clear(l.counted[len(counted):])
	l.counted = counted
}

func (l *limit) hasRoom() bool { return l.inside < l.max }

func (l *limit) wake() { signal(l.room) }

// signal leaves a token in a channel, unless there is one.
func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}
