package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestALineCarriesAtItsRateAndDropsWhatDoesNotFit(t *testing.T) {
	p, err := parsePath("8000000", "10ms", "3000") // 1,000 bytes a millisecond
	if err != nil {
		t.Fatal(err)
	}
	l, began := newLine(p), time.Now()
	for i, after := range []time.Duration{11, 12, 13} {
		at, ok := l.take(1000, began)
		if !ok || at.Sub(began).Round(time.Microsecond) != after*time.Millisecond {
			t.Errorf("datagram %d arrives after %v, %v", i, at.Sub(began), ok)
		}
	}
	if _, ok := l.take(1000, began); ok {
		t.Error("a full queue took a datagram")
	}
	later := began.Add(5 * time.Millisecond)
	if at, ok := l.take(1000, later); !ok || at.Sub(later).Round(time.Microsecond) != 11*time.Millisecond {
		t.Errorf("after a pause a datagram arrives after %v, %v", at.Sub(later), ok)
	}
}

// heldUp says which datagrams a line holds up, by their numbers.
func heldUp(share float64, count int) []bool {
	l := newLine(path{rate: 1e9, queue: 1e9, share: share, lateness: time.Hour})
	late, now := make([]bool, count), time.Now()
	for n := range late {
		at, _ := l.take(1, now)
		late[n] = at.Sub(now) >= time.Hour
	}
	return late
}

func TestALineHoldsSomeDatagramsUp(t *testing.T) {
	p, err := parsePath("1e9", "1ms", "1000000", "0.1", "20ms", "0")
	if err != nil {
		t.Fatal(err)
	}
	const count = 2000
	isLate := heldUp(0.1, count)
	if !slices.Equal(isLate, heldUp(0.1, count)) {
		t.Error("other datagrams are held up in another run")
	}
	// A binomial count of 2,000 by 0.1 has a standard deviation of 13.4; the source is seeded.
	if late := len(slices.DeleteFunc(slices.Clone(isLate), func(one bool) bool { return !one })); late < 150 || late > 250 {
		t.Errorf("%d of %d datagrams are held up", late, count)
	}
	l, plain := newLine(p), newLine(path{rate: p.rate, delay: p.delay, queue: p.queue})
	began := time.Now()
	for n, late := range isLate {
		now := began.Add(time.Duration(n) * time.Microsecond)
		at, _ := l.take(100, now)
		onTime, _ := plain.take(100, now)
		if want := map[bool]time.Duration{true: 20 * time.Millisecond}[late]; at.Sub(onTime) != want {
			t.Fatalf("datagram %d is %v late, not %v", n, at.Sub(onTime), want)
		}
	}
}

func TestAJourneyEndsInTheOrderOfArrival(t *testing.T) {
	began := time.Now()
	after := func(milliseconds int) time.Time { return began.Add(time.Duration(milliseconds) * time.Millisecond) }
	var j journey
	if _, wait, ok := j.next(began); ok || wait != math.MaxInt64 {
		t.Errorf("of nothing, the first arrives in %v, %v", wait, ok)
	}
	for n, one := range []struct {
		at      int
		isFirst bool
	}{{21, true}, {2, true}, {3, false}, {3, false}, {25, false}, {3, false}, {1, true}, {21, false}} {
		if got := j.add(after(one.at), []byte{byte(n)}); got != one.isFirst {
			t.Errorf("datagram %d is the first: %v", n, got)
		}
	}
	takeAll := func(now time.Time) (got []byte) {
		for {
			datagram, _, ok := j.next(now)
			if !ok {
				return got
			}
			got = append(got, datagram...)
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

func TestAJourneyCarriesEmptyDatagrams(t *testing.T) {
	var j journey
	now := time.Now()
	j.add(now, nil)
	if datagram, _, ok := j.next(now); !ok || len(datagram) > 0 {
		t.Errorf("got %v, %v", datagram, ok)
	}
}

func TestALineLosesAShare(t *testing.T) {
	p, err := parsePath("1e9", "1ms", "1e9", "0", "0ms", "0.01")
	if err != nil {
		t.Fatal(err)
	}
	const count = 10_000
	lost := func() (numbers []int) {
		l, now := newLine(p), time.Now()
		for n := range count {
			if _, ok := l.take(1, now); !ok {
				numbers = append(numbers, n)
			}
		}
		return numbers
	}
	first := lost()
	// A binomial count of 10,000 by 0.01 has a standard deviation of 10; the source is seeded.
	if len(first) < 60 || len(first) > 140 {
		t.Errorf("%d of %d datagrams are lost", len(first), count)
	}
	if !slices.Equal(first, lost()) {
		t.Error("other datagrams are lost in another run")
	}
}
