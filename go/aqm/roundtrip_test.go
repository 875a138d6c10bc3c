package aqm

import (
	"testing"
	"time"
)

func at(m moment) func() moment { return func() moment { return m } }

const ms = moment(time.Millisecond)

func TestARoundTripLastsFromTheFirstSegmentWithATimestampToItsEcho(t *testing.T) {
	for name, test := range map[string]struct {
		sent []struct {
			value uint32
			at    moment
		}
		echo uint32
		want time.Duration // 0 for none
	}{
		"the timestamp":             {sends(7, 0), 7, 20 * time.Millisecond},
		"a later one":               {sends(7, 0), 8, 20 * time.Millisecond},
		"an earlier one":            {sends(7, 0), 6, 0},
		"sent twice":                {sends(7, 0, 7, 5), 7, 20 * time.Millisecond},
		"after another":             {sends(7, 0, 8, 5), 7, 20 * time.Millisecond},
		"across the end of numbers": {sends(0xffffffff, 0), 1, 20 * time.Millisecond},
	} {
		var stamp timestamp
		for _, s := range test.sent {
			stamp.sent(s.value, at(start+s.at*ms))
		}
		got, ok := stamp.echoed(test.echo, start+20*ms)
		if got != test.want || ok != (test.want != 0) || stamp.isPending() == ok {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
}

// sends returns pairs of a timestamp and the milliseconds after which it is sent.
func sends(pairs ...uint32) (sent []struct {
	value uint32
	at    moment
}) {
	for i := 0; i < len(pairs); i += 2 {
		sent = append(sent, struct {
			value uint32
			at    moment
		}{pairs[i], moment(pairs[i+1])})
	}
	return sent
}

// Its first segment has left before, so its echo may come at once.
func TestATimestampThatWasInUseBeforeIsNotMeasured(t *testing.T) {
	var stamp timestamp
	stamp.sent(7, at(start))
	stamp.echoed(7, start+20*ms)
	if stamp.sent(7, at(start+20*ms)); stamp.isPending() {
		t.Error("it is measured")
	}
	if stamp.sent(8, at(start+21*ms)); !stamp.isPending() {
		t.Error("the next one is not measured")
	}
}

func TestAnEchoBeforeItsTimestampIsNoRoundTrip(t *testing.T) {
	var stamp timestamp
	stamp.sent(7, at(start))
	if got, ok := stamp.echoed(7, start-ms); ok {
		t.Errorf("%v", got)
	}
}

func TestTheShortestRoundTripOfSomeSecondsCounts(t *testing.T) {
	var s shortest
	if got := s.get(start); got != maxRoundTrip {
		t.Errorf("without a sample: %v", got)
	}
	s.add(5*time.Millisecond, start)
	s.add(3*time.Millisecond, start)
	s.add(4*time.Millisecond, start+moment(window)-1)
	if got := s.get(start + moment(window) - 1); got != 3*time.Millisecond {
		t.Errorf("in the first window: %v", got)
	}
	s.add(9*time.Millisecond, start+moment(window))
	if got := s.get(start + moment(2*window) - 1); got != 3*time.Millisecond {
		t.Errorf("in the second window: %v", got)
	}
	if got := s.get(start + moment(2*window)); got != 9*time.Millisecond {
		t.Errorf("in the third window: %v", got)
	}
	if got := s.get(start + moment(4*window)); got != maxRoundTrip {
		t.Errorf("long after: %v", got)
	}
}
