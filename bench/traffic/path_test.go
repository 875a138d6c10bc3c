package main

import (
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

func TestDatagramsThatAreReceivedTogetherArriveTogether(t *testing.T) {
	datagrams := []byte("aabbccddeef")
	fast, now := newLine(path{rate: 1e9, queue: 1e9, delay: time.Millisecond}), time.Now()
	trains := fast.takeAll(datagrams, 2, now)
	if len(trains) != 1 || string(trains[0].datagrams) != "aabbccddeef" || trains[0].size != 2 {
		t.Errorf("over a fast line: %v", trains)
	}
	if late := trains[0].at.Sub(now); late.Round(time.Nanosecond) != time.Millisecond+11*time.Nanosecond {
		t.Errorf("they arrive after %v", late)
	}
	// 2 bytes in 80 µs: the third is 160 µs later than the first.
	slow := newLine(path{rate: 25_000, queue: 1e9})
	if got := cars(slow.takeAll(datagrams, 2, now)); !slices.Equal(got, []string{"aabb", "ccdd", "eef"}) {
		t.Errorf("over a slow line: %q", got)
	}
	full := newLine(path{rate: 1e9, queue: 5})
	if got := cars(full.takeAll(datagrams, 2, now)); !slices.Equal(got, []string{"aabbf"}) {
		t.Errorf("over a line that is full: %q", got)
	}
}

func TestWhatIsHeldUpLeavesItsTrain(t *testing.T) {
	l := newLine(path{rate: 1e9, queue: 1e9, share: 0.1, lateness: time.Millisecond})
	isLate := heldUp(0.1, 40)
	if !slices.Contains(isLate, true) || !slices.Contains(isLate, false) {
		t.Fatal("the source holds up all or nothing")
	}
	datagrams := make([]byte, 40)
	for n := range datagrams {
		datagrams[n] = byte(n)
	}
	now := time.Now()
	for _, one := range l.takeAll(datagrams, 1, now) {
		for _, n := range one.datagrams {
			if isLate[n] != (one.at.Sub(now) >= time.Millisecond) {
				t.Errorf("datagram %d arrives after %v, held up: %v", n, one.at.Sub(now), isLate[n])
			}
		}
	}
}

func cars(trains []train) (all []string) {
	for _, one := range trains {
		all = append(all, string(one.datagrams))
	}
	return all
}
