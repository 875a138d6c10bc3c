package inflight

import "testing"

// draining begins to drain, and returns a channel that is closed once that is done.
func draining(o *Outbound) <-chan struct{} {
	returned := make(chan struct{})
	go func() {
		o.Drain()
		close(returned)
	}()
	return returned
}

func TestDrainingEndsAtOnceIfNothingIsInside(t *testing.T) {
	f := newFeeder(10, 4)
	f.prove(1, 2)
	expect(t, draining(f.Outbound))
	expect(t, draining(nil))
}

func TestDrainingWaitsForWhatComesOut(t *testing.T) {
	f := newFeeder(10, 8) // No time passes, so that no flow is stuck.
	f.prove(1, 2)
	first, _, _, _ := f.feed(1, 1)
	second, _, _, _ := f.feed(2)
	returned := draining(f.Outbound)
	f.out(first)
	select {
	case <-returned:
		t.Fatal("one packet is inside")
	default:
	}
	f.out(second)
	expect(t, returned)
}

func TestDrainingDoesNotWaitForAPeerThatDoesNotAnswer(t *testing.T) {
	o := NewOutbound(10)
	f := &feeder{Outbound: o, Batch: NewBatch(o), unused: packetsIn(8)}
	f.feed(1)
	expect(t, draining(o))
	if !o.stuck(o.flowTo(numberedDestination(1)), o.now()) {
		t.Error("it did not wait long enough")
	}
}
