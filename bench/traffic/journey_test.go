package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestAJourneyEndsInTheOrderOfArrival(t *testing.T) {
	began := time.Now()
	after := func(milliseconds int) time.Time { return began.Add(time.Duration(milliseconds) * time.Millisecond) }
	var j journey
	if _, wait, ok := j.next(began); ok || wait != math.MaxInt64 {
		t.Errorf("of nothing, the first arrives in %v, %v", wait, ok)
	}
	for n, at := range []int{21, 2, 3, 3, 25, 3, 1, 21} {
		j.add(train{after(at), 1, []byte{byte(n)}})
	}
	takeAll := func(now time.Time) (got []byte) {
		for {
			one, _, ok := j.next(now)
			if !ok {
				return got
			}
			got = append(got, one.datagrams...)
		}
	}
	if got := takeAll(after(2)); !slices.Equal(got, []byte{6, 1}) {
		t.Errorf("after 2 ms %v have arrived", got)
	}
	if _, wait, ok := j.next(after(2)); ok || wait != time.Millisecond {
		t.Errorf("the next arrives in %v, %v", wait, ok)
	}
	// All that is left has arrived when the clock is read late.
	if got := takeAll(after(1000)); !slices.Equal(got, []byte{2, 3, 5, 0, 7, 4}) {
		t.Errorf("then %v have arrived", got)
	}
}
