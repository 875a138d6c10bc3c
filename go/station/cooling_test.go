package station

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestACoolerLooksAtWhatIsWarmAndSleepsOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, closing, ended, looks := newCooler(), make(chan struct{}), make(chan struct{}), 0
		go func() {
			defer close(ended)
			c.run(closing, func() { looks++ })
		}()
		after := func(intervals time.Duration, want int) {
			t.Helper()
			time.Sleep(intervals*coolingInterval + 1) // in the bubble
			synctest.Wait()
			if looks != want {
				t.Errorf("looked %d times, want %d", looks, want)
			}
			looks = 0
		}
		after(100, 0)
		var w warmth
		for range 1000 {
			c.keepsWarm(&w)
		}
		if w.since.Load() != 1 {
			t.Errorf("warm since round %d", w.since.Load())
		}
		// The first call woke the cooler. One of the others came while it waited, so it looks again.
		after(100, 2)
		c.lookAgain()
		synctest.Wait()
		close(closing)
		<-ended
	})
}

func TestAGoroutineIsRelievedOnce(t *testing.T) {
	var w warmth
	if w.isOver() {
		t.Error("it is over before it began")
	}
	w.over.Store(true)
	if !w.isOver() || w.isOver() {
		t.Error("it is not over exactly once")
	}
}

func TestOnlyAGoroutineWhoseClientIsBusyStaysWarm(t *testing.T) {
	c := newCooler()
	var w warmth
	sends := func(times int) (kept bool) {
		for range times {
			kept = c.keepsWarm(&w)
		}
		return kept
	}
	if sends(busyBursts-1) || w.since.Load() != 0 {
		t.Error("it stays warm after too little")
	}
	if !sends(1) || w.since.Load() == 0 {
		t.Error("it does not stay warm")
	}
	c.round.Add(1)
	if !sends(1) {
		t.Error("it does not stay warm after less than a round")
	}
	c.round.Add(2)
	if sends(1) {
		t.Error("it stays warm, though its client was quiet for a round")
	}
}
