package station

import (
	"sync/atomic"
	"time"
)

const (
	// coolingInterval is how long a goroutine that waits for a client keeps its memory, and at most twice as long.
	coolingInterval = time.Second
	// busyBursts is how often a client must have sent in a row before its goroutine keeps its memory.
	busyBursts = 8
)

// The warmth of a goroutine is memory that it has got and would need again: one that has called the stack has 16 KiB, one
// that only waits has 2. Growing costs a fifth of a request. An idle stream must not keep it, though, and a goroutine gives
// none back: another one relieves it, at once if its client sends little, and otherwise when it has waited for some time.
// The zero value is cold.
type warmth struct {
	since atomic.Uint64 // the cooler's round in which the goroutine began to wait; 0 if it is cold
	over  atomic.Bool
	// Only the pump uses these.
	round  uint64 // in which its client has sent last
	bursts int    // how often its client has sent, with less than a round between
}

// isOver reports, once, that the goroutine should be relieved.
func (w *warmth) isOver() bool { return w.over.Load() && w.over.Swap(false) }

// A cooler looks after the warmth of all goroutines of a station. While none is warm it sleeps.
type cooler struct {
	round  atomic.Uint64
	warmed chan struct{} // holds a token if a goroutine has become warm
}

func newCooler() *cooler {
	c := &cooler{warmed: make(chan struct{}, 1)}
	c.round.Store(1)
	return c
}

// keepsWarm reports whether a goroutine that begins to wait should do so with the memory that it has. It is then told when
// that is over.
func (c *cooler) keepsWarm(w *warmth) bool {
	round := c.round.Load()
	if round > w.round+1 {
		w.bursts = 0
	}
	w.round = round
	if w.bursts++; w.bursts < busyBursts {
		return false
	}
	w.since.Store(round)
	c.lookAgain()
	return true
}

// lookAgain asks for a call of coolDown.
func (c *cooler) lookAgain() {
	select {
	case c.warmed <- struct{}{}:
	default:
	}
}

// run calls coolDown after each interval in which a goroutine was warm.
func (c *cooler) run(closing <-chan struct{}, coolDown func()) {
	timer := time.NewTimer(coolingInterval)
	defer timer.Stop()
	for {
		select {
		case <-c.warmed:
		case <-closing:
			return
		}
		timer.Reset(coolingInterval)
		select {
		case <-timer.C:
		case <-closing:
			return
		}
		coolDown()
	}
}

// coolDown wakes the pumps whose goroutines have waited for a whole interval.
func (s *Station) coolDown() {
	before := s.cooler.round.Add(1) - 1
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.streams {
		if one == nil { // it connects
			continue
		}
		w := &one.outbound.warmth
		switch since := w.since.Load(); {
		case since == 0:
		case since == before: // less than an interval
			s.cooler.lookAgain()
		case w.since.CompareAndSwap(since, 0):
			w.over.Store(true)
			one.wake()
		}
	}
}
