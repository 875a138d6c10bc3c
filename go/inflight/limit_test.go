package inflight

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
)

// packetsIn makes packets, each in a buffer of its own, as large as the engine's.
func packetsIn(count int) [][]byte {
	const size = 1 << bufferBits
	packets, room := make([][]byte, count), make([]byte, count*size)
	for i := range packets {
		packets[i] = room[i*size:][:size:size]
	}
	return packets
}

// frozen is a limit by which nothing is taken as dropped for as long as the test runs.
func frozen(most int) *Limit {
	l := New(most)
	l.began = time.Now().Add(time.Hour)
	return l
}

func (l *Limit) inside() int { return l.present + l.previous }

func waiting(l *Limit, done chan struct{}) <-chan struct{} {
	returned := make(chan struct{})
	go func() {
		l.Wait(done)
		close(returned)
	}()
	return returned
}

func expect(t *testing.T, returned <-chan struct{}) {
	t.Helper()
	select {
	case <-returned:
	case <-time.After(10 * time.Second):
		t.Fatal("still waiting")
	}
}

// awaitSleepers returns once so many wait.
func awaitSleepers(l *Limit, count int) {
	for sleepers := 0; sleepers < count; runtime.Gosched() {
		l.mu.Lock()
		sleepers = l.sleepers
		l.mu.Unlock()
	}
}

func TestNobodyWaitsWhileThereIsRoom(t *testing.T) {
	l := New(2)
	l.Enter(packetsIn(1))
	expect(t, waiting(l, nil))
}

func TestPacketsThatNeverComeOutAreForgotten(t *testing.T) {
	l := New(2)
	packets := packetsIn(200)
	for range 100 {
		l.Enter(packets)
		expect(t, waiting(l, nil))
	}
}

func TestWaitEndsWhenItsOwnerIsDone(t *testing.T) {
	l := frozen(1)
	l.Enter(packetsIn(1))
	done := make(chan struct{})
	returned := waiting(l, done)
	awaitSleepers(l, 1)
	close(done)
	expect(t, returned)
}

func TestAllWhoWaitGoOnWhenPacketsLeave(t *testing.T) {
	l := frozen(1)
	packets := packetsIn(3)
	l.Enter(packets)
	first, second := waiting(l, nil), waiting(l, nil)
	awaitSleepers(l, 2)
	l.Leave(packets[:2])
	select {
	case <-first:
		t.Fatal("went on while there was no room")
	case <-second:
		t.Fatal("went on while there was no room")
	default:
	}
	l.Leave(packets[2:])
	expect(t, first)
	expect(t, second)
}

func TestWhatDidNotEnterOrHasLeftMakesNoRoom(t *testing.T) {
	l := frozen(5)
	packets := packetsIn(5)
	l.Enter(packets)
	l.Leave(packetsIn(50))
	l.Leave([][]byte{nil, {}})
	l.Leave(packets[:1])
	l.Leave(packets[:1])
	if got := l.inside(); got != 4 {
		t.Errorf("%d packets are inside, not 4", got)
	}
}

func TestAPacketIsDroppedWhenItsBufferComesAgain(t *testing.T) {
	l := frozen(5)
	packets := packetsIn(5)
	for range 10 {
		l.Enter(packets)
	}
	if got := l.inside(); got != 5 {
		t.Errorf("%d packets are inside, not 5", got)
	}
}

func TestWhatComesOutAfterItWasForgottenMakesNoRoom(t *testing.T) {
	l := New(5)
	late, packets := packetsIn(5), packetsIn(3)
	now := time.Now()
	l.Enter(late)
	for n := range 3 {
		l.forget(now.Add(time.Duration(n) * patience))
	}
	l.Enter(packets)
	l.Leave(late)
	if got := l.inside(); got != 3 {
		t.Errorf("%d packets are inside, not 3", got)
	}
}

// As on a processor that has more to do than it can: there it would only make the queues longer.
func TestPacketsThatComeOutLateMakeNoRoomBeyondTheLimit(t *testing.T) {
	const most = 20
	l, now := New(most), time.Now()
	buffers := packetsIn(4 * most)
	for round := range 50 {
		now = now.Add(patience)
		l.forget(now)
		l.Leave(buffers[(round+1)%4*most:][:most]) // three rounds after they entered
		if round >= 3 && l.dropped > 0 {
			t.Fatalf("round %d: %d are expected to be dropped", round, l.dropped)
		}
		l.Enter(buffers[round%4*most:][:most])
	}
}

// As in a flood to a peer that does not answer, beside traffic to one that does.
func TestPacketsThatAreDroppedLeaveRoomForOthers(t *testing.T) {
	const most, dropped, rounds = 20, 200, 50
	l, now := New(most), time.Now()
	buffers := packetsIn(4*dropped + most)
	packets := buffers[4*dropped:]
	for round := range rounds {
		now = now.Add(patience)
		l.forget(now)
		l.Enter(buffers[round%4*dropped:][:dropped])
		if round < 3 {
			continue // Until it shows that these never come out, they may be on their way.
		}
		for i := range packets {
			if !l.hasRoom() {
				t.Fatalf("round %d: no room for packet %d with %d inside", round, i, l.inside())
			}
			l.Enter(packets[i : i+1])
		}
		l.Leave(packets)
	}
	// When the flood is over the limit is again what it was.
	for range 200 {
		now = now.Add(patience)
		l.forget(now)
	}
	l.Enter(packets)
	if l.hasRoom() {
		t.Error("there is more room than the limit long after the last packet was dropped")
	}
}

// Whatever enters, leaves, leaves twice, never leaves or is forgotten: the count is that of those that
// entered lately and are inside, and without any it heals.
func TestTheCountIsNeverWrong(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const count = 300
	packets := packetsIn(count)
	for range 100 {
		l, now := New(1+random.IntN(count)), time.Now()
		entered := map[int]uint32{} // packets that are inside, by number, and since when
		for range 300 {
			n := random.IntN(count)
			switch random.IntN(4) {
			case 0, 1:
				l.Enter(packets[n : n+1])
				entered[n] = l.period
			case 2:
				l.Leave(packets[n : n+1])
				delete(entered, n)
			case 3:
				if random.IntN(10) == 0 {
					now = now.Add(patience)
				}
				l.forget(now)
			}
			lately := 0
			for _, period := range entered {
				if l.period-period <= 1 {
					lately++
				}
			}
			if l.inside() != lately || l.present < 0 || l.previous < 0 || l.dropped < 0 {
				t.Fatalf("%d and %d packets are inside, %d dropped; %d entered lately and are", l.present, l.previous, l.dropped, lately)
			}
		}
		for range 2 {
			now = now.Add(patience)
			l.forget(now)
		}
		if l.inside() != 0 || !l.hasRoom() {
			t.Fatalf("%d packets are inside after twice the time that they count", l.inside())
		}
	}
}

func TestWhoeverWaitsWakesWhateverOthersDo(t *testing.T) {
	l := New(8)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			packets := packetsIn(16)
			for round := range 200 {
				l.Wait(nil)
				l.Enter(packets)
				l.Leave(packets[:round%17]) // The others are dropped.
			}
		})
	}
	returned := make(chan struct{})
	go func() { workers.Wait(); close(returned) }()
	expect(t, returned)
}

func TestWithoutALimitNothingIsCounted(t *testing.T) {
	var l *Limit
	l.Enter(packetsIn(1))
	l.Leave(packetsIn(1))
	l.Wait(nil)
}
