package backoff

import (
	"testing"
	"time"
)

func TestPausesDoubleUpToTheMaximum(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: Initial, 2: 2 * Initial, 8: 128 * Initial, 9: Max, 1000: Max, 1 << 40: Max,
	} {
		if got := After(failures); got != want {
			t.Errorf("after %d failures %v, want %v", failures, got, want)
		}
	}
}

func TestTheFirstFailureIsLoggedAndThenOneAMinute(t *testing.T) {
	var total time.Duration
	lines := 0
	for failures := 1; total < 10*time.Minute; failures++ {
		if ShouldLog(failures) {
			lines++
		}
		if failures == 1 && lines != 1 {
			t.Error("the first failure is not logged")
		}
		total += After(failures)
	}
	if lines != 11 {
		t.Errorf("%d lines in ten minutes", lines)
	}
}

func TestWaitEndsEarlyOnlyIfItIsStopped(t *testing.T) {
	stop := make(chan struct{})
	begun := time.Now()
	if !Wait(3, stop) || time.Since(begun) < After(3) {
		t.Errorf("it returned after %v", time.Since(begun))
	}
	close(stop)
	stopped := false
	for range 100 { // Both may be ready on a busy machine.
		stopped = stopped || !Wait(1000, stop)
	}
	if !stopped {
		t.Error("it never notices that it is stopped")
	}
}
