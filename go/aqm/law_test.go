package aqm

import (
	"math/rand/v2"
	"testing"
	"time"
)

// lawFor returns a law for a round trip.
func lawFor(roundTrip time.Duration) *law {
	l := new(law)
	l.follow(roundTrip)
	return l
}

// start is when the clocks of tests begin.
const start = moment(time.Hour)

// signals feeds a law with a packet each step, which has waited as long as wait says, and gives each signal that is due.
// It returns when, since start.
func signals(l *law, step, duration time.Duration, wait func(at time.Duration) time.Duration) (at []time.Duration) {
	for elapsed := time.Duration(0); elapsed < duration; elapsed += step {
		now := start + moment(elapsed)
		if l.due(now, wait(elapsed)) {
			l.signal(now)
			at = append(at, elapsed)
		}
	}
	return at
}

func always(wait time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return wait }
}

func TestTheLawFollowsTheRoundTrip(t *testing.T) {
	for roundTrip, interval := range map[int]int{5: 50, 10: 50, 20: 100, 100: 500} { // in milliseconds
		l := lawFor(time.Duration(roundTrip) * time.Millisecond)
		if l.target != minTarget+time.Duration(roundTrip)*time.Millisecond/2 || l.interval != time.Duration(interval)*time.Millisecond {
			t.Errorf("round trip %d ms: target %v, interval %v", roundTrip, l.target, l.interval)
		}
	}
}

func TestNoSignalIsDueWhileTheWaitIsShort(t *testing.T) {
	l := lawFor(10 * time.Millisecond)
	if got := signals(l, 100*time.Microsecond, time.Second, always(l.target-1)); len(got) > 0 {
		t.Errorf("signals at %v", got)
	}
}

func TestTheFirstSignalComesAfterAnInterval(t *testing.T) {
	for _, roundTrip := range []time.Duration{time.Millisecond, 20 * time.Millisecond, maxRoundTrip} {
		l := lawFor(roundTrip)
		got := signals(l, 100*time.Microsecond, l.interval+time.Millisecond, always(l.target))
		if len(got) == 0 || got[0] != l.interval {
			t.Errorf("round trip %v: %v, want the first at %v", roundTrip, got, l.interval)
		}
	}
}

func TestAQueueThatIsShortOnceAnIntervalGetsNoSignal(t *testing.T) {
	l := lawFor(10 * time.Millisecond)
	got := signals(l, 100*time.Microsecond, time.Second, func(at time.Duration) time.Duration {
		if at%(45*time.Millisecond) == 0 { // of an interval of 50
			return l.target - 1
		}
		return 100 * l.target
	})
	if len(got) > 0 {
		t.Errorf("signals at %v", got)
	}
}

// The k-th gap is the interval by the root of k.
func TestSignalsGetFasterWhileTheWaitIsLong(t *testing.T) {
	const step = 10 * time.Microsecond
	l := lawFor(10 * time.Millisecond)
	got := signals(l, step, 200*time.Millisecond, always(l.target))
	want := []float64{50, 100, 135.355, 164.223, 189.223}
	if len(got) != len(want) {
		t.Fatalf("signals at %v", got)
	}
	for i, ms := range want {
		if at := time.Duration(ms * float64(time.Millisecond)); got[i] < at || got[i] > at+2*step {
			t.Errorf("signal %d at %v, want %v", i+1, got[i], at)
		}
	}
}

func TestARecoveryKeepsTheRateOfSignalsIfItIsBrief(t *testing.T) {
	former := lawFor(10 * time.Millisecond)
	signals(former, 10*time.Microsecond, 300*time.Millisecond, always(former.target))
	rate := former.count - former.first
	if rate < 2 {
		t.Fatalf("too few signals: %d", former.count)
	}
	for pause, want := range map[int]int{1: rate, 14: rate, 15: 1, 20: 1} { // in intervals; the next signal is due one later
		l := *former
		now := l.latest + moment(time.Duration(pause)*l.interval)
		for at := l.latest; at < now; at += moment(l.interval / 2) {
			l.due(at, 0)
		}
		l.due(now, l.target)
		now += moment(l.interval)
		if !l.due(now, l.target) {
			t.Fatalf("after %d intervals: no signal is due", pause)
		}
		if l.signal(now); l.count != want {
			t.Errorf("after %d intervals: count %d, want %d", pause, l.count, want)
		}
	}
}

func TestAfterAPauseTheWaitCountsAnew(t *testing.T) {
	l := lawFor(10 * time.Millisecond)
	l.due(start, l.target)
	if now := start + moment(idleTimeout); l.due(now, l.target) {
		t.Error("a signal is due, though the queue was empty meanwhile")
	}
}

// Nobody may have been there to get them.
func TestSignalsAreNotMadeUpFor(t *testing.T) {
	l := lawFor(10 * time.Millisecond)
	signals(l, 10*time.Microsecond, 75*time.Millisecond, always(l.target))
	now := start + moment(75*time.Millisecond)
	for range 50 { // due all the time, but not given
		now += moment(5 * time.Millisecond)
		l.due(now, l.target)
	}
	given := 0
	for range 3 {
		if l.due(now, l.target) {
			l.signal(now)
			given++
		}
	}
	if given > 2 {
		t.Errorf("%d signals at once", given)
	}
}

func TestTheLawHoldsWhateverWaitsThereAre(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		l := lawFor(time.Duration(random.Int64N(int64(maxRoundTrip))))
		below, now := start, start // when the wait was last below the target
		for range 2000 {
			now += moment(random.Int64N(int64(l.interval)))
			wait := time.Duration(random.Int64N(int64(4 * l.target)))
			if random.IntN(8) > 0 {
				wait += l.target
			}
			if wait < l.target {
				below = now
			}
			if !l.due(now, wait) {
				continue
			}
			if wait < l.target || now.since(below) < l.interval {
				t.Fatalf("seed %d: a signal %v after the wait was below the target", seed, now.since(below))
			}
			if random.IntN(2) == 0 {
				l.signal(now)
			}
		}
	}
}
