// Package aqm keeps the queue before the engine short: active queue management by CoDel (RFC 8289).
//
// A TCP sender such as CUBIC or Reno fills the queue at the narrowest place of its path until a packet is lost. If that
// place is the engine, the queue is in the UDP socket. It holds megabytes, and everything else waits behind them. So once
// packets have waited for too long, one of a flow that fills the queue is marked (ECN) or dropped. Its sender then slows
// down.
package aqm

import (
	"hash/maphash"
	"time"

	"wg-bridge/go/inflight"
)

// signalInterval is the minimum number of packets from one signal to the next. It bounds the harm to flows that do not
// answer signals, such as those of BBR, or of UDP at a constant rate.
const signalInterval = 64

// reportInterval is the minimum time between two reports of signals.
const reportInterval = 10 * time.Second

// A moment is a time since the Queue was made.
type moment time.Duration

func (m moment) since(earlier moment) time.Duration { return time.Duration(m - earlier) }

// A Queue manages the queue of the packets that one tunnel receives. A nil Queue changes nothing.
//
// One goroutine at a time may call Pass, Release and RoundTrip, and one, at the same time, Sent.
type Queue struct {
	now    func() moment
	law    law
	flows  flows
	credit int      // packets since the latest signal, up to signalInterval
	kept   [][]byte // the delivered part of the latest batch, if a packet of it was dropped

	logf     func(format string, arguments ...any)
	signals  [verdicts]int // of each kind since the latest report
	reported moment
}

// New returns a Queue for a tunnel. logf logs at verbose level, and may be nil.
func New(logf func(format string, arguments ...any)) *Queue {
	start := time.Now()
	return NewWithClock(logf, func() time.Duration { return time.Since(start) })
}

// NewWithClock is New with a clock of the caller's, which returns the time since a moment in the past.
func NewWithClock(logf func(format string, arguments ...any), clock func() time.Duration) *Queue {
	if logf == nil {
		logf = func(string, ...any) {}
	}
	now := func() moment { return moment(clock()) }
	q := &Queue{now: now, logf: logf, flows: flows{seed: maphash.MakeSeed(), period: 1}}
	q.law.follow(maxRoundTrip)
	return q
}

// Sent looks at a packet that the tunnel is about to send. The answer will echo its timestamp.
func (q *Queue) Sent(bytes []byte) {
	if q == nil {
		return
	}
	if p, ok := parse(bytes); ok && p.protocol == protocolTCP {
		q.flows.sent(&p, q.now)
	}
}

// Pass decides about a batch of packets that the tunnel has received, which begin at offset in buffers. waited says how
// long each waited for the engine. Pass marks packets in place, and returns the buffers of those that are to be
// delivered: buffers itself, or a slice that is valid until Release.
func (q *Queue) Pass(buffers [][]byte, offset int, waited []inflight.Wait) [][]byte {
	if q == nil {
		return buffers
	}
	now := q.now()
	if now.since(q.flows.began) >= min(q.law.interval, maxPeriod) {
		q.law.follow(q.flows.endPeriod(now))
		q.report(now)
	}
	dropping := false
	for i, buffer := range buffers {
		drop := q.judge(buffer[offset:], waited[i].Duration(), now) == dropped
		switch {
		case drop && !dropping:
			dropping = true
			q.kept = append(q.kept[:0], buffers[:i]...)
		case !drop && dropping:
			q.kept = append(q.kept, buffer)
		}
	}
	if dropping {
		return q.kept
	}
	return buffers
}

// RoundTrip returns the shortest round trip of the past seconds, of the flow of a packet that the tunnel has received. It
// is 0 if none is known.
func (q *Queue) RoundTrip(bytes []byte) time.Duration {
	if q == nil {
		return 0
	}
	p, ok := parse(bytes)
	if !ok {
		return 0
	}
	return q.flows.roundTrip(&p, q.now())
}

// Release forgets the buffers of the latest batch.
func (q *Queue) Release() {
	if q != nil {
		clear(q.kept)
		q.kept = q.kept[:0]
	}
}

// A verdict says what happens to a packet.
type verdict int

const (
	passed verdict = iota
	marked
	dropped
	verdicts // the number of verdicts
)

// judge decides about a packet, and marks it if that is the verdict.
func (q *Queue) judge(bytes []byte, waited time.Duration, now moment) verdict {
	q.credit = min(q.credit+1, signalInterval)
	p, ok := parse(bytes)
	if !ok {
		return passed
	}
	f := q.flows.received(&p, now, waited)
	if f == nil || f.heavyIn != q.flows.period {
		return passed
	}
	if !q.law.due(now, waited) || q.credit < signalInterval || !p.mayBeLost() || !f.mayAnswer(now, waited) {
		return passed
	}
	q.law.signal(now)
	q.credit, f.signalled = 0, now
	if inflight.ECNOf(bytes) == inflight.NotECT {
		q.signals[dropped]++
		return dropped
	}
	inflight.MarkCongestion(bytes)
	q.signals[marked]++
	return marked
}

// report logs the signals since the last report, if there are any and a report is due.
func (q *Queue) report(now moment) {
	if q.signals == [verdicts]int{} || q.reported != 0 && now.since(q.reported) < reportInterval {
		return
	}
	q.logf("Queue: packets waited too long, so flows that fill it were slowed down: %d packets marked, %d dropped",
		q.signals[marked], q.signals[dropped])
	q.signals, q.reported = [verdicts]int{}, now
}
