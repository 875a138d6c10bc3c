package inflight

import "testing"

// packetsIn makes packets, each in a buffer of its own, as large as the engine's.
func packetsIn(count int) [][]byte {
	const size = 1 << bufferBits
	packets, room := make([][]byte, count), make([]byte, count*size)
	for i := range packets {
		packets[i] = room[i*size:][:size:size]
	}
	return packets
}

func TestABufferIsKnownByItsFirstByteUntilItLeaves(t *testing.T) {
	var b buffers
	var f flow
	packet := packetsIn(1)[0]
	if _, known := b.leave(packet); known {
		t.Error("it was there before it entered")
	}
	b.enter(packet, entry{&f, 7, 0, Congested})
	b.enter(packet[:10], entry{&f, 8, 5, NotECT})
	if _, known := b.leave(packet[1:]); known {
		t.Error("a packet that begins elsewhere is taken for it")
	}
	if e, known := b.leave(packet[:100]); !known || e != (entry{&f, 8, 5, NotECT}) {
		t.Errorf("it entered as %v, %v; want 8", e, known)
	}
	if _, known := b.leave(packet); known {
		t.Error("it left twice")
	}
}

func TestOfTwoBuffersInOneSlotTheLaterOneIsKnown(t *testing.T) {
	var b buffers
	packets := packetsIn(bufferSlots + 1000) // more than there are slots
	for _, packet := range packets {
		b.enter(packet, entry{sequence: 7})
		if e, known := b.leave(packet); !known || e.sequence != 7 {
			t.Fatal("the latest buffer is not known")
		}
		b.enter(packet, entry{sequence: 7})
	}
	known := 0
	for _, packet := range packets {
		if _, was := b.leave(packet); was {
			known++
		}
	}
	if known > bufferSlots {
		t.Errorf("%d buffers are known, more than there are slots", known)
	}
}

func TestAnEmptyPacketHasNoBuffer(t *testing.T) {
	var b buffers
	if _, known := b.leave(nil); known {
		t.Error("nothing has left")
	}
}
