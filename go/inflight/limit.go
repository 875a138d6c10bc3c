// Package inflight bounds what is in the engine at once: the packets on their way through it, and those
// that wait in it for a peer that does not answer.
//
// The engine's own queues take more than a thousand batches for each peer. Under load they fill: every
// packet waits behind all of them, and their buffers take hundreds of MiB. So whoever feeds packets to
// the engine waits until earlier ones have come out of it, and feeds packets that may wait one by one.
package inflight

import (
	"sync"
	"time"
)

// A limit counts the packets between an entrance of the engine and an exit, and lets whoever feeds the
// entrance wait while there are many. It knows packets by their buffers, as the engine takes a packet
// through in the one that it came in.
//
// Only packets of flows that are flowing count. Those of a flow that is stuck wait, or were dropped: they
// must not keep out packets that would come out.
type limit struct {
	most     uint32        // weight
	lateness time.Duration // for which nothing may come out at all, as the processor has too much to do
	now      func() moment

	mu      sync.Mutex
	buffers buffers
	inside  uint32  // the sum of what is counted for all flows
	counted []*flow // those for which anything is counted, and perhaps others
	waiting uint32  // the sum of what waits for all flows
	waiters int
	moved   moment // when a packet of any flow came out last

	room  chan struct{} // wakes one waiter
	retry *time.Timer   // wakes one once a flow may be stuck
}

func newLimit(most int, lateness time.Duration) *limit {
	start := time.Now()
	l := &limit{
		most:     uint32(most),
		lateness: lateness,
		now:      func() moment { return moment(time.Since(start)) },
		room:     make(chan struct{}, 1),
	}
	l.retry = time.AfterFunc(time.Hour, l.wake)
	l.retry.Stop()
	return l
}

// Most returns how many packets may be on their way.
func (l *limit) Most() int { return int(l.most) }

// enter notes a packet of a flow, and counts it if the flow is flowing.
func (l *limit) enter(packet []byte, size int, ecn ECN, of *flow, flowing bool, now moment) {
	l.buffers.enter(packet, entry{of, of.enter(weigh(size), now), ecn})
	if flowing {
		l.count(of)
	}
}

// flows reports whether packets of a flow come out: what enters now will not wait.
func (l *limit) flows(f *flow, now moment) bool { return f.flowedLately(now) && !l.stuck(f, now) }

// stuck reports whether packets of a flow are inside and none has come out for too long.
func (l *limit) stuck(f *flow, now moment) bool {
	waited := now.since(f.progress)
	return f.inside() > 0 && (waited >= l.lateness || waited >= patience && l.moved > f.progress)
}

// count counts all that is inside of a flow.
func (l *limit) count(f *flow) {
	l.inside += f.inside() - f.counted // modulo 2^32: it may become less
	f.counted = f.inside()
	if !f.listed && f.counted > 0 {
		f.listed = true
		l.counted = append(l.counted, f)
	}
}

// discount counts nothing of a flow.
func (l *limit) discount(f *flow) {
	l.inside -= f.counted
	f.counted = 0
}

// leave notes packets that came out of the engine, and puts the marks with which they entered into ecn.
// Those that did not enter are left out, and have no mark.
func (l *limit) leave(packets [][]byte, ecn []ECN) {
	clear(ecn)
	if len(packets) == 0 {
		return
	}
	l.mu.Lock()
	now := l.now()
	for i, packet := range packets {
		if e, known := l.buffers.leave(packet); known {
			ecn[i] = e.ecn
			e.flow.leave(e.sequence, now)
			l.moved = now
			l.count(e.flow)
			l.setWaiting(e.flow, 0)
		}
	}
	wake := l.waiters > 0 && l.hasRoom()
	l.mu.Unlock()
	if wake {
		l.wake()
	}
}

// setWaiting sets the weight that waits in the engine for a flow.
func (l *limit) setWaiting(f *flow, weight uint32) {
	l.waiting += weight - f.waiting // modulo 2^32: it may become less
	f.waiting = weight
}

// wait returns when there is room for a batch, or done is closed. A batch may enter while there is any
// room, and exceed the limit by its own length.
func (l *limit) wait(done <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.hasRoom() {
		if l.discountStuck(l.now()); l.hasRoom() {
			break
		}
		l.retry.Reset(patience)
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
		l.wake() // There was one signal for all.
	}
}

// discountStuck no longer counts what is inside of flows that are stuck.
func (l *limit) discountStuck(now moment) {
	counted := l.counted[:0]
	for _, f := range l.counted {
		if l.stuck(f, now) {
			l.discount(f)
		}
		if f.listed = f.counted > 0; f.listed {
			counted = append(counted, f)
		}
	}
	clear(l.counted[len(counted):])
	l.counted = counted
}

func (l *limit) hasRoom() bool { return l.inside < l.most }

func (l *limit) wake() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}
