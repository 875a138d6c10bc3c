package main

import (
	"math"
	"testing"
	"time"
)

func record(delays map[uint32]int) flowRecord {
	r := flowRecord{}
	for number, delay := range delays {
		r[number] = time.Duration(delay) * time.Millisecond
	}
	return r
}

func TestASummaryHasQuantilesAndTheDifferencesOfNeighbours(t *testing.T) {
	// 3 is lost, so 4 has no datagram before it.
	got := record(map[uint32]int{0: 5, 1: 7, 2: 6, 4: 30, 5: 5, 6: 5, 7: 5, 8: 5, 9: 5}).summary()
	if got.Received != 9 || got.Median != 5 {
		t.Errorf("got %+v", got)
	}
	if want := 7 + 0.92*23; math.Abs(got.P99-want) > 1e-9 {
		t.Errorf("the 99th percentile is %v, not %v", got.P99, want)
	}
	if want := (2.0 + 1 + 25) / 7; math.Abs(got.Jitter-want) > 1e-9 {
		t.Errorf("the jitter is %v, not %v", got.Jitter, want)
	}
}

func TestASummaryOfLittleIsNoFailure(t *testing.T) {
	if got := record(nil).summary(); got != (flowSummary{}) {
		t.Errorf("of nothing: %+v", got)
	}
	if got := record(map[uint32]int{7: 3}).summary(); got != (flowSummary{1, 3, 3, 0}) {
		t.Errorf("of one: %+v", got)
	}
}
