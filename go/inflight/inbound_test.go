package inflight

import "testing"

// feedIn makes packets enter.
func (i *Inbound) feedIn(packets [][]byte) {
	i.Enter(packets, make([]int, len(packets)), make([]ECN, len(packets)), make([]Wait, len(packets)))
}

func TestBatchesAreSmallWhileNothingComesIn(t *testing.T) {
	i := NewInbound(500)
	i.now = func() moment { return 1 }
	packets := packetsIn(1000)
	for n := range 100 {
		if got := i.Wait(nil, 128); got != maxProbe {
			t.Fatalf("batch %d may hold %d packets though none came out, want %d", n, got, maxProbe)
		}
		i.feedIn(packets[n*8:][:8])
	}
	i.out(packets[400:408])
	if got := i.Wait(nil, 128); got != 128 || i.inside != 800-408 {
		t.Errorf("a batch may hold %d packets, and %d count; want 128 and 392", got, i.inside)
	}
}

func TestInboundPacketsAreLimited(t *testing.T) {
	i := NewInbound(100)
	i.now = func() moment { return 1 }
	packets := packetsIn(200)
	i.feedIn(packets[:1])
	i.out(packets[:1])
	i.feedIn(packets)
	returned := waiting(i.limit, nil)
	awaitWaiters(i.limit, 1)
	i.out(packets[:101])
	expect(t, returned)
}

// The engine drops the garbage before the packets behind it come out.
func TestGarbageAmongInboundPacketsTakesNoRoom(t *testing.T) {
	i := NewInbound(100)
	i.now = func() moment { return 1 }
	packets := packetsIn(128)
	i.feedIn(packets[:1])
	i.out(packets[:1])
	for range 100 {
		if got := i.Wait(nil, 128); got != 128 {
			t.Fatalf("a batch may hold %d packets", got)
		}
		i.feedIn(packets)
		i.out(packets[127:])
	}
}

func TestABatchHoldsNoMoreThanIsWanted(t *testing.T) {
	if got := NewInbound(1).Wait(nil, 3); got != 3 {
		t.Errorf("%d of 3", got)
	}
}

func TestWithoutALimitABatchHoldsAllThatIsWanted(t *testing.T) {
	var i *Inbound
	if got := i.Wait(nil, 128); got != 128 {
		t.Errorf("%d of 128", got)
	}
	i.Enter(packetsIn(1), []int{1}, make([]ECN, 1), make([]Wait, 1))
	i.Leave(packetsIn(1), make([]ECN, 1), make([]Wait, 1))
}
