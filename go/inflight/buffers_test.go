package inflight

import "testing"

func TestABufferIsKnownByItsFirstByteUntilItLeaves(t *testing.T) {
	var b buffers
	packet := packetsIn(1)[0]
	if _, was := b.enter(packet, 7); was {
		t.Error("it was there before it entered")
	}
	if period, was := b.enter(packet[:10], 8); !was || period != 7 {
		t.Errorf("it entered before in period %d, %v; want 7", period, was)
	}
	if _, was := b.leave(packet[1:]); was {
		t.Error("a packet that begins elsewhere is taken for it")
	}
	if period, was := b.leave(packet[:100]); !was || period != 8 {
		t.Errorf("it left since period %d, %v; want 8", period, was)
	}
	if _, was := b.leave(packet); was {
		t.Error("it left twice")
	}
}

func TestOfTwoBuffersOnOnePlaceTheLaterOneIsKnown(t *testing.T) {
	var b buffers
	packets := packetsIn(mostBuffers + 1000) // more than there are places
	for _, packet := range packets {
		b.enter(packet, 7)
		if period, was := b.leave(packet); !was || period != 7 {
			t.Fatal("the latest buffer is not known")
		}
		b.enter(packet, 7)
	}
	known := 0
	for _, packet := range packets {
		if _, was := b.leave(packet); was {
			known++
		}
	}
	if known > mostBuffers {
		t.Errorf("%d buffers are known, more than there are places", known)
	}
}

func TestNoPacketHasNoBuffer(t *testing.T) {
	var b buffers
	if _, was := b.leave(nil); was {
		t.Error("nothing has left")
	}
}
