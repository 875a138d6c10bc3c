package netstack

import (
	"io"
	"testing"
	"time"

	"wg-bridge/go/reordering"
)

const (
	// overtaking is how many segments overtake one that is late: more than the stack needs to take it for lost, and fewer
	// than it sends at once.
	overtaking = 5
	// onTime is how many segments there are from one that is late to the next.
	onTime = 100
)

// newLatePath returns a pair of devices on whose way some segments come late, or never. The near one believes in a round
// trip.
func newLatePath(t *testing.T, roundTrip time.Duration, isLost bool) (near, far *Device) {
	t.Helper()
	near, far = newUnconnectedPair(t, Config{})
	near.writer.late.table = reordering.Table{RoundTrip: func([]byte) time.Duration { return roundTrip }}
	var held []byte
	segments := 0
	// Each segment comes alone, so that the far end acknowledges each of them.
	connect(t, wire{from: near, to: far, batch: 1, filter: func(packet []byte) bool {
		if segmentOf(packet).payload == 0 {
			return true
		}
		switch segments++; segments % onTime {
		case 0:
			held = append(make([]byte, readRoom), packet...)
			return false
		case overtaking:
			if held != nil && !isLost {
				_, _ = far.Write([][]byte{held}, readRoom)
			}
		}
		return true
	}}, wire{from: far, to: near, batch: 1})
	return near, far
}

// upload sends bytes, and returns how often the stack took a segment for lost.
func upload(t *testing.T, near, far *Device) (losses uint64) {
	t.Helper()
	client, server := establish(t, near, far, far4)
	const bytes = 4 << 20
	go func() {
		if _, err := client.Write(make([]byte, bytes)); err != nil {
			t.Error(err)
		}
		if err := client.CloseWrite(); err != nil {
			t.Error(err)
		}
	}()
	if n, err := io.Copy(io.Discard, server); n != bytes || err != nil {
		t.Errorf("%d bytes and %v", n, err)
	}
	return near.Stack().Stats().TCP.SACKRecovery.Value()
}

// keeps reports whether a device remembers a hole.
func keeps(d *Device) bool {
	d.writer.mu.Lock()
	defer d.writer.mu.Unlock()
	return !d.writer.late.table.Next().IsZero()
}

func TestASegmentThatIsLateIsNotTakenForLost(t *testing.T) {
	for name, test := range map[string]struct {
		roundTrip time.Duration
		want      bool
	}{"within half of the round trip": {2 * testLimit, false}, "with an unknown round trip": {0, true}} {
		t.Run(name, func(t *testing.T) {
			near, far := newLatePath(t, test.roundTrip, false)
			if losses := upload(t, near, far); losses > 0 != test.want {
				t.Errorf("%d segments were taken for lost", losses)
			}
		})
	}
}

func TestASegmentThatIsLostIsRepeated(t *testing.T) {
	near, far := newLatePath(t, 4*time.Millisecond, true)
	if losses := upload(t, near, far); losses == 0 {
		t.Error("no segment was taken for lost")
	}
	waitFor(t, "the end of what is kept", func() bool { return !keeps(near) })
}

func TestNothingIsDeliveredToADeviceThatIsClosed(t *testing.T) {
	near, far := newLatePath(t, time.Second, true)
	client, _ := establish(t, near, far, far4)
	go func() { _, _ = client.Write(make([]byte, 1<<20)) }()
	waitFor(t, "a report that is kept", func() bool { return keeps(near) })
	if err := near.Close(); err != nil {
		t.Fatal(err)
	}
	near.deliverLate()
}
