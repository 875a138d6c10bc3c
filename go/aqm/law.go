package aqm

import (
	"math"
	"time"
)

const (
	// maxRoundTrip bounds the round trip by which the law acts. Flows whose round trip is unknown count with it.
	maxRoundTrip = 100 * time.Millisecond
	// minTarget is added to each target, for processors that are busy with all of a stream's programs in turn: they need a
	// queue. With a target of 0.5 ms a stream over loopback takes a quarter more CPU time for its bytes; four streams over
	// 5 ms had 0.94 of the throughput without any of this with half a round trip alone, 0.97 with 3 ms more.
	minTarget = 2500 * time.Microsecond
	// minInterval is for the same reason the minimum interval. With 25 ms instead, a stream over loopback had 0.93 of that
	// throughput, not 0.96; half of p99's wait goes with either.
	minInterval = 50 * time.Millisecond
	// idleTimeout is how long no heavy packet may come before the queue counts as empty.
	idleTimeout = 100 * time.Millisecond
)

// A law is CoDel (RFC 8289, section 5): once the wait has been above a target for an interval, signals are due, at first
// one an interval and then ever faster, until the wait is below the target.
//
// CoDel's fixed 5 and 100 ms suit the Internet. Here the target is about half a round trip, and the interval five. A
// sender that slows down needs about a round trip until that shows. While it does, the queue keeps the path busy:
// after a loss CUBIC sends 0.7 of what it had under way, so with less than half a round trip in the queue the engine
// would have nothing to do. A shorter fixed interval costs a path of 20 ms half its throughput, a longer one does
// nothing on a LAN.
type law struct {
	target, interval time.Duration

	above bool   // the wait has been above the target
	since moment // since when it has
	seen  moment // when the latest packet came

	signalling bool
	count      int    // signals, by which they get faster
	first      int    // count at the first of these signals
	latest     moment // when the latest signal was due
}

// follow sets target and interval for a round trip.
func (l *law) follow(roundTrip time.Duration) {
	l.target, l.interval = minTarget+roundTrip/2, max(5*roundTrip, minInterval)
}

// due takes note of how long a packet of a heavy flow has waited, and reports whether a signal is due.
func (l *law) due(now moment, waited time.Duration) bool {
	idle := now.since(l.seen) >= idleTimeout
	l.seen = now
	switch {
	case waited < l.target:
		l.above, l.signalling = false, false
		return false
	case !l.above || idle:
		l.above, l.since, l.signalling = true, now, false
	}
	if l.signalling {
		return now.since(l.latest) >= l.gap()
	}
	return now.since(l.since) >= l.interval
}

// gap returns the time from the latest signal to the next.
func (l *law) gap() time.Duration {
	return time.Duration(float64(l.interval) / math.Sqrt(float64(l.count)))
}

// signal records that a signal was given, which was due.
func (l *law) signal(now moment) {
	if l.signalling {
		due := l.latest + moment(l.gap())
		l.count++
		// Signals that nobody could get are not made up for.
		l.latest = max(due, now-moment(l.gap()))
		return
	}
	// If the wait was below the target only briefly, go on at the former rate.
	before := l.count - l.first
	l.count = 1
	if before > 1 && now.since(l.latest) < 16*l.interval {
		l.count = before
	}
	l.first, l.latest, l.signalling = l.count, now, true
}
