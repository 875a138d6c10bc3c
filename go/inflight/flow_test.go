package inflight

import (
	"encoding/binary"
	"testing"
	"time"
)

func TestAFlowFlowsOnceAPacketHasComeOut(t *testing.T) {
	l, f := newLimit(1, lateness), new(flow)
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
	if l.flows(f, 1+moment(proofHolds)) {
		t.Error("it flows though nothing came out for long")
	}
}

func TestAFlowIsStuckIfNothingComesOutForLong(t *testing.T) {
	for name, test := range map[string]struct {
		moved moment
		late  time.Duration
	}{
		"nothing at all":      {5, lateness},
		"though others flow":  {6, patience},
		"nothing of long ago": {0, lateness},
	} {
		l, f := newLimit(1, lateness), new(flow)
		f.leave(f.enter(1, 0), 0)
		f.enter(1, 5)
		f.enter(1, 5+moment(patience)-1)
		l.moved = test.moved
		late := 5 + moment(test.late)
		if l.stuck(f, late-1) || !l.stuck(f, late) || l.flows(f, late) || !f.flowedLately(late) {
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

func TestAFlowCountsOnAfterItsNumbersOverflow(t *testing.T) {
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

func TestAFlowThatNeverComesOutDoesNotCountForEver(t *testing.T) {
	var f flow
	for range 3 * mostInside {
		f.enter(1, 0)
	}
	if f.inside() != mostInside {
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
	for size, want := range map[int]uint32{0: 1, 1420: 1, 9000: 1, 16<<10 - 1: 1, 16 << 10: 2, 65535: 4} {
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
	one, _ := f.to(numberedDestination(1))
	other, _ := f.to(numberedDestination(2))
	if again, _ := f.to(numberedDestination(1)); again != one || again == other {
		t.Error("it is another one")
	}
}

func TestOnlySoManyFlowsAreKnownAndThoseInUseStay(t *testing.T) {
	f := newFlows()
	kept, _ := f.to(numberedDestination(0))
	for n := range 3 * mostFlows {
		one, forgotten := f.to(numberedDestination(n))
		if (forgotten != nil) != (n >= mostFlows) {
			t.Fatalf("flow %d: forgotten %v", n, forgotten)
		}
		one.lastIn = moment(n)
		// The first one is used all the time.
		first, _ := f.to(numberedDestination(0))
		if first != kept {
			t.Fatal("the one in use was forgotten")
		}
		first.lastIn = one.lastIn
	}
	if len(f.known) != mostFlows {
		t.Errorf("%d flows are known, want %d", len(f.known), mostFlows)
	}
}

func TestFlowsExpireOnlyIfNothingEntersForLong(t *testing.T) {
	f := newFlows()
	old, _ := f.to(numberedDestination(1))
	young, _ := f.to(numberedDestination(2))
	young.lastIn = moment(time.Second)
	var forgotten []*flow
	note := func(one *flow) { forgotten = append(forgotten, one) }
	f.forgetExpired(moment(flowExpires), note)
	if len(forgotten) != 1 || forgotten[0] != old || len(f.known) != 1 {
		t.Errorf("forgot %v of %v and %v", forgotten, old, young)
	}
	if f.forgetExpired(moment(flowExpires+time.Second-1), note); len(forgotten) != 1 {
		t.Error("looked again within a second")
	}
	if f.forgetExpired(moment(flowExpires+time.Second), note); len(forgotten) != 2 {
		t.Error("the other one does not expire")
	}
}
