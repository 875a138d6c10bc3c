package aqm

import (
	"sync/atomic"
	"time"
)

// A timestamp measures round trips by TCP's timestamps (RFC 7323): from when the first segment with a timestamp was
// sent until one arrives that echoes it, or a later one. One goroutine may call sent, and another one the rest.
type timestamp struct {
	latest  atomic.Uint32 // the latest timestamp that was sent
	pending atomic.Uint64 // one that was sent, and below it the moment, in microseconds modulo 2^32; 0 for none
}

// sent records the timestamp of a segment. Only the first one with it is of use: an echo may answer that.
func (t *timestamp) sent(value uint32, now func() moment) {
	if t.latest.Swap(value) != value && t.pending.Load() == 0 {
		t.pending.Store(uint64(value)<<32 | uint64(micros(now())))
	}
}

func (t *timestamp) isPending() bool { return t.pending.Load() != 0 }

// echoed returns the round trip if the timestamp that is pending has been echoed.
func (t *timestamp) echoed(echo uint32, at moment) (sample time.Duration, ok bool) {
	pending := t.pending.Load()
	if pending == 0 || int32(echo-uint32(pending>>32)) < 0 {
		return 0, false
	}
	t.pending.Store(0)
	// Negative if the answer was on its way before: then the echo is a forgery.
	sample = time.Duration(int32(micros(at)-uint32(pending))) * time.Microsecond
	return sample, sample >= 0
}

// forget makes the timestamp that of another flow. If the former flow's is recorded just now, one sample is wrong.
func (t *timestamp) forget() {
	t.latest.Store(0)
	t.pending.Store(0)
}

func micros(m moment) uint32 { return uint32(time.Duration(m) / time.Microsecond) }

// window is how long the shortest of the samples counts, or up to twice as long.
const window = 5 * time.Second

// shortest is the shortest round trip of the latest 5 to 10 seconds. The zero value has none.
type shortest struct {
	began       moment        // of the current window
	now, before time.Duration // the shortest in it and in the one before; 0 for none
}

// add adds a sample.
func (s *shortest) add(sample time.Duration, now moment) {
	s.turn(now)
	sample = max(sample, 1)
	if s.now == 0 || sample < s.now {
		s.now = sample
	}
}

// get returns the shortest round trip, or maxRoundTrip if there is none.
func (s *shortest) get(now moment) time.Duration {
	if measured := s.measured(now); measured != 0 {
		return measured
	}
	return maxRoundTrip
}

// measured returns the shortest round trip, or 0 if there is none.
func (s *shortest) measured(now moment) time.Duration {
	s.turn(now)
	if s.now == 0 || s.before != 0 && s.before < s.now {
		return s.before
	}
	return s.now
}

// turn begins a new window once the current one has ended.
func (s *shortest) turn(now moment) {
	switch elapsed := now.since(s.began); {
	case elapsed >= 2*window:
		*s = shortest{began: now}
	case elapsed >= window:
		*s = shortest{began: now, before: s.now}
	}
}
