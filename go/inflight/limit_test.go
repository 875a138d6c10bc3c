package inflight

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// testTimeout bounds every wait of these tests. Reaching it is a failure.
const testTimeout = time.Minute

// feed makes packets of one flow enter. flowing says whether they count.
func (l *limit) feed(packets [][]byte, of *flow, flowing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, packet := range packets {
		l.enter(packet, 1, NotECT, 0, of, flowing, l.now())
	}
}

// frozen returns a limit for which no time passes, so that no flow is stuck.
func frozen(max int) (*limit, *flow) {
	l := newLimit(max, busyTimeout)
	l.now = func() moment { return 1 }
	return l, new(flow)
}

// out makes packets leave.
func (l *limit) out(packets [][]byte) { l.leave(packets, make([]ECN, len(packets)), nil) }

func waiting(l *limit, done chan struct{}) <-chan struct{} {
	returned := make(chan struct{})
	go func() {
		l.wait(done)
		close(returned)
	}()
	return returned
}

func expect(t *testing.T, returned <-chan struct{}) {
	t.Helper()
	select {
	case <-returned:
	case <-time.After(testTimeout):
		t.Fatal("still waiting")
	}
}

// awaitWaiters returns once at least count goroutines wait.
func awaitWaiters(l *limit, count int) {
	for waiters := 0; waiters < count; runtime.Gosched() {
		l.mu.Lock()
		waiters = l.waiters
		l.mu.Unlock()
	}
}

func TestNobodyWaitsWhileThereIsRoom(t *testing.T) {
	l, f := frozen(2)
	l.feed(packetsIn(1), f, true)
	expect(t, waiting(l, nil))
}

func TestWaitEndsWhenItsOwnerIsDone(t *testing.T) {
	l, f := frozen(1)
	l.feed(packetsIn(1), f, true)
	done := make(chan struct{})
	returned := waiting(l, done)
	awaitWaiters(l, 1)
	close(done)
	expect(t, returned)
}

func TestAllWaitersContinueWhenPacketsLeave(t *testing.T) {
	l, f := frozen(1)
	packets := packetsIn(3)
	l.feed(packets, f, true)
	first, second := waiting(l, nil), waiting(l, nil)
	awaitWaiters(l, 2)
	l.out(packets[:2])
	select {
	case <-first:
		t.Fatal("went on while there was no room")
	case <-second:
		t.Fatal("went on while there was no room")
	default:
	}
	l.out(packets[2:])
	expect(t, first)
	expect(t, second)
}

func TestAPacketComesOutWithTheMarkAndTheWaitThatItEnteredWith(t *testing.T) {
	l, f := frozen(5)
	packets := packetsIn(3)
	for n, ecn := range []ECN{Congested, NotECT, 2} {
		l.enter(packets[n], 1, ecn, Wait(10+n), f, true, l.now())
	}
	ecn, waited := []ECN{1, 1, 1, 1}, []Wait{1, 1, 1, 1}
	l.leave([][]byte{packets[2], nil, packets[0], packets[1]}, ecn, waited)
	if want := []Wait{12, 0, 10, 11}; !slices.Equal(waited, want) {
		t.Errorf("waits %v, want %v", waited, want)
	}
	if want := []ECN{2, NotECT, Congested, NotECT}; !slices.Equal(ecn, want) {
		t.Errorf("marks %v, want %v", ecn, want)
	}
}

func TestStuckPacketsMakeRoom(t *testing.T) {
	l, f := newLimit(2, busyTimeout), new(flow)
	l.feed(packetsIn(200), f, true)
	expect(t, waiting(l, nil))
	if l.inside != 0 || len(l.counted) != 0 || f.inside() != 200 {
		t.Errorf("%d count of %d flows, %d of %d inside", l.inside, len(l.counted), l.inside, f.inside())
	}
}

func TestAStuckFlowCountsAgainWhenAPacketComesOut(t *testing.T) {
	l, f := newLimit(2, busyTimeout), new(flow)
	packets := packetsIn(200)
	l.feed(packets, f, true)
	expect(t, waiting(l, nil))
	l.out(packets[:50])
	if l.inside != 150 {
		t.Errorf("%d count, want the 150 that are inside", l.inside)
	}
}

func TestAFlowThatDoesNotFlowTakesNoRoom(t *testing.T) {
	l, f := frozen(1)
	l.feed(packetsIn(50), f, false)
	if l.inside != 0 || !l.hasRoom() {
		t.Errorf("%d count", l.inside)
	}
}

func TestPacketsThatDidNotEnterOrHaveLeftMakeNoRoom(t *testing.T) {
	l, f := frozen(5)
	packets := packetsIn(5)
	l.feed(packets, f, true)
	l.out(packetsIn(50))
	l.out([][]byte{nil, {}})
	l.out(packets[:1])
	l.out(packets[:1])
	if l.inside != 4 {
		t.Errorf("%d packets are inside, not 4", l.inside)
	}
}

func TestPacketsDroppedAmongOthersDoNotTakeRoomForLong(t *testing.T) {
	l, f := frozen(5)
	packets := packetsIn(300)
	for i := 0; i < len(packets); i += 3 { // of three in a row only the last comes out
		l.feed(packets[i:i+3], f, true)
		l.out(packets[i+2 : i+3])
	}
	if l.inside != 0 {
		t.Errorf("%d packets count though the last one came out", l.inside)
	}
}

func TestEveryWaiterWakesWhateverOthersDo(t *testing.T) {
	l := newLimit(8, stallTimeout)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			packets, f := packetsIn(16), new(flow)
			for round := range 200 {
				l.wait(nil)
				l.feed(packets, f, round%2 == 0)
				l.out(packets[:round%17]) // The others are dropped.
			}
		})
	}
	returned := make(chan struct{})
	go func() { workers.Wait(); close(returned) }()
	expect(t, returned)
}
