package inflight

import (
	"encoding/binary"
	"testing"
	"time"
)

func TestAFlowFlowsOnceAPacketHasComeOut(t *testing.T) {
	l, f := newLimit(1, busyTimeout), new(flow)
	if l.flows(f, 0) {
		t.Error("a flow flows though nothing is known about it")
	}
	sequence := f.enter(1, 0)
	if l.flows(f, 0) {
		t.Error("it flows though nothing came out")
	}
	f.leave(sequence, 1)
	if !l.flows(f, 1) || f.inside() != 0 {
		t.Errorf("flows %v with %d inside after its packet came out", l.flows(f, 1), f.inside())
	}
	if l.flows(f, 1+moment(recent)) {
		t.Error("it flows though nothing came out for long")
	}
}

func TestAFlowIsStuckIfNothingComesOutForTooLong(t *testing.T) {
	for name, test := range map[string]struct {
		lastOut moment
		late    time.Duration
	}{
		"nothing at all":      {5, busyTimeout},
		"though others flow":  {6, stallTimeout},
		"nothing of long ago": {0, busyTimeout},
	} {
		l, f := newLimit(1, busyTimeout), new(flow)
		f.leave(f.enter(1, 0), 0)
		f.enter(1, 5)
		f.enter(1, 5+moment(stallTimeout)-1)
		l.lastOut = test.lastOut
		late := 5 + moment(test.late)
		if l.stuck(f, late-1) || !l.stuck(f, late) || l.flows(f, late) || !f.flowedRecently(late) {
			t.Errorf("%s: stuck %v before the time and %v after it, flows %v", name, l.stuck(f, late-1), l.stuck(f, late), l.flows(f, late))
		}
	}
}

func TestWhatEnteredBeforeAPacketThatCameOutIsNotInside(t *testing.T) {
	var f flow
	first := f.enter(2, 0)
	f.enter(1, 0)
	third := f.enter(1, 0)
	f.enter(3, 0)
	f.leave(third, 0)
	if f.inside() != 3 {
		t.Errorf("%d are inside, want the weight of the one after it, 3", f.inside())
	}
	f.leave(first, 0) // overtaken
	if f.inside() != 3 {
		t.Errorf("%d are inside after an earlier one came out, want 3", f.inside())
	}
}

func TestAFlowKeepsCountingWhenItsNumbersOverflow(t *testing.T) {
	f := flow{entered: ^uint32(0) - 1, left: ^uint32(0) - 1}
	before := f.enter(1, 0)
	after := f.enter(3, 0)
	if after > before {
		t.Fatal("they did not overflow")
	}
	f.leave(before, 0)
	if f.inside() != 3 {
		t.Errorf("%d are inside, want 3", f.inside())
	}
	f.leave(after, 0)
	if f.inside() != 0 {
		t.Errorf("%d are inside, want none", f.inside())
	}
}

func TestTheCountOfAFlowThatNeverComesOutIsBounded(t *testing.T) {
	var f flow
	for range 3 * maxInside {
		f.enter(1, 0)
	}
	if f.inside() != maxInside {
		t.Errorf("%d are inside, more than the engine holds", f.inside())
	}
}

func TestOnlyTheLastPacketShowsThatTheEngineRefusesAFlow(t *testing.T) {
	var f flow
	first := f.enter(1, 0)
	last := f.enter(1, 0)
	if f.refuse(first); f.refused || f.inside() != 2 {
		t.Errorf("refused %v with %d inside, though the engine drops the oldest that waits", f.refused, f.inside())
	}
	if f.refuse(last); !f.refused || f.inside() != 0 {
		t.Errorf("refused %v with %d inside", f.refused, f.inside())
	}
	if f.leave(f.enter(1, 0), 0); f.refused {
		t.Error("it is refused though a packet came out")
	}
}

func TestAPacketWeighsMoreTheMoreMemoryItsBufferTakes(t *testing.T) {
	for size, want := range map[int]uint32{0: 1, 1: 1, 1420: 1, 1500: 1, 1501: 2, 3000: 2, 9000: 6, 65535: 44} {
		if got := weigh(size); got != want {
			t.Errorf("%d bytes weigh %d, want %d", size, got, want)
		}
	}
}

func numberedDestination(n int) (d Destination) {
	binary.BigEndian.PutUint32(d[:], uint32(n))
	return d
}

func TestAFlowIsFoundAgainByItsDestination(t *testing.T) {
	f := newFlows()
	one, _ := f.get(numberedDestination(1))
	other, _ := f.get(numberedDestination(2))
	if again, _ := f.get(numberedDestination(1)); again != one || again == other {
		t.Error("it is another one")
	}
}

func TestTheNumberOfFlowsIsBoundedAndThoseInUseStay(t *testing.T) {
	f := newFlows()
	kept, _ := f.get(numberedDestination(0))
	for n := range 3 * maxFlows {
		one, evicted := f.get(numberedDestination(n))
		if (evicted != nil) != (n >= maxFlows) {
			t.Fatalf("flow %d: evicted %v", n, evicted)
		}
		one.lastIn = moment(n)
		// The first one is used all the time.
		first, _ := f.get(numberedDestination(0))
		if first != kept {
			t.Fatal("the one in use was evicted")
		}
		first.lastIn = one.lastIn
	}
	if len(f.known) != maxFlows {
		t.Errorf("%d flows are known, want %d", len(f.known), maxFlows)
	}
}

func TestFlowsExpireOnlyIfNothingEntersForLong(t *testing.T) {
	f := newFlows()
	old, _ := f.get(numberedDestination(1))
	young, _ := f.get(numberedDestination(2))
	young.lastIn = moment(time.Second)
	var evicted []*flow
	note := func(one *flow) { evicted = append(evicted, one) }
	f.evictExpired(moment(flowExpiry), note)
	if len(evicted) != 1 || evicted[0] != old || len(f.known) != 1 {
		t.Errorf("evicted %v of %v and %v", evicted, old, young)
	}
	if f.evictExpired(moment(flowExpiry+time.Second-1), note); len(evicted) != 1 {
		t.Error("sampled again within a second")
	}
	if f.evictExpired(moment(flowExpiry+time.Second), note); len(evicted) != 2 {
		t.Error("the other one does not expire")
	}
}
