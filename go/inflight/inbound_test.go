package inflight

import "testing"

func sizesOf(packets [][]byte) []int { return make([]int, len(packets)) }

func TestBatchesAreSmallWhileNothingComesIn(t *testing.T) {
	i := NewInbound(500)
	i.now = func() moment { return 1 }
	packets := packetsIn(1000)
	for n := range 100 {
		if got := i.Wait(nil, 128); got != inboundTrial {
			t.Fatalf("batch %d may hold %d packets though none came out, want %d", n, got, inboundTrial)
		}
		i.Enter(packets[n*8:][:8], sizesOf(packets[:8]))
	}
	i.Leave(packets[400:408])
	if got := i.Wait(nil, 128); got != 128 || i.inside != 800-408 {
		t.Errorf("a batch may hold %d packets, and %d count; want 128 and 392", got, i.inside)
	}
}

func TestPacketsThatComeInAreLimited(t *testing.T) {
	i := NewInbound(100)
	i.now = func() moment { return 1 }
	packets := packetsIn(200)
	i.Enter(packets[:1], sizesOf(packets[:1]))
	i.Leave(packets[:1])
	i.Enter(packets, sizesOf(packets))
	returned := waiting(i.limit, nil)
	awaitWaiters(i.limit, 1)
	i.Leave(packets[:101])
	expect(t, returned)
}

// The garbage is dropped before what came after it comes out.
func TestGarbageAmongPacketsThatComeInTakesNoRoom(t *testing.T) {
	i := NewInbound(100)
	i.now = func() moment { return 1 }
	packets := packetsIn(128)
	i.Enter(packets[:1], sizesOf(packets[:1]))
	i.Leave(packets[:1])
	for range 100 {
		if got := i.Wait(nil, 128); got != 128 {
			t.Fatalf("a batch may hold %d packets", got)
		}
		i.Enter(packets, sizesOf(packets))
		i.Leave(packets[127:])
	}
}

func TestFewPacketsAreWantedFewMayBe(t *testing.T) {
	if got := NewInbound(1).Wait(nil, 3); got != 3 {
		t.Errorf("%d of 3", got)
	}
}

func TestWithoutALimitABatchHoldsAll(t *testing.T) {
	var i *Inbound
	if got := i.Wait(nil, 128); got != 128 {
		t.Errorf("%d of 128", got)
	}
	i.Enter(packetsIn(1), []int{1})
	i.Leave(packetsIn(1))
}
