package backoff

import (
	"testing"
	"time"
)

func TestPausesDoubleUpToTheLongest(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: First, 2: 2 * First, 8: 128 * First, 9: Longest, 1000: Longest, 1 << 40: Longest,
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
		if IsWorthALine(failures) {
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
