package inflight

import (
	"encoding/binary"
	"testing"
	"time"
)

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
