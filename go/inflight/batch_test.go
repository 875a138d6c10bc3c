package inflight

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A feeder feeds packets to a limit as the TUN reader does.
type feeder struct {
	*Outbound
	*Batch
	time   moment
	unused [][]byte
}

// newFeeder returns a feeder that uses its buffers in turn.
func newFeeder(max, buffers int) *feeder {
	o := NewOutbound(max)
	f := &feeder{Outbound: o, Batch: NewBatch(o), time: 1, unused: packetsIn(buffers)}
	o.now = func() moment { return f.time }
	return f
}

// feed offers a batch of packets by their destinations, and returns those that were taken, where the batch
// ended, and how many were dropped.
func (f *feeder) feed(destinations ...int) (packets [][]byte, to []int, ended, dropped int) {
	f.Begin()
	for ended < len(destinations) {
		switch destination := destinations[ended]; f.Judge(numberedDestination(destination)) {
		case Postponed:
			f.enter(packets)
			return packets, to, ended, dropped
		case Dropped:
			dropped++
		case Admitted:
			f.Take(NotECT)
			packets, to = append(packets, f.unused[0]), append(to, destination)
			f.unused = append(f.unused[1:], f.unused[0])
		}
		ended++
	}
	f.enter(packets)
	return packets, to, ended, dropped
}

func (f *feeder) enter(packets [][]byte) {
	sizes := make([]int, len(packets))
	for i := range sizes {
		sizes[i] = 1420
	}
	f.Enter(packets, sizes)
}

// prove makes a packet to each destination come out.
func (f *feeder) prove(destinations ...int) {
	for _, destination := range destinations {
		packets, _, _, _ := f.feed(destination)
		f.out(packets)
	}
}

func repeated(destination, count int) []int {
	destinations := make([]int, count)
	for i := range destinations {
		destinations[i] = destination
	}
	return destinations
}

func TestPacketsThatComeOutFillBatches(t *testing.T) {
	f := newFeeder(256, 1000)
	f.prove(1, 2)
	if packets, _, _, _ := f.feed(1, 2, 1, 1, 2, 2, 1); len(packets) != 7 || f.inside != 7 {
		t.Errorf("%d of 7 packets were taken, %d count", len(packets), f.inside)
	}
}

func TestABatchHoldsOnePacketThatMayHaveToWait(t *testing.T) {
	f := newFeeder(256, 1000)
	f.prove(1)
	for name, test := range map[string]struct {
		destinations []int
		ended        int
	}{
		"alone":                   {[]int{2, 2, 2}, 1},
		"among others":            {[]int{1, 1, 3, 1, 1, 3}, 5},
		"to another destination":  {[]int{1, 4, 1, 5, 1}, 3},
		"to none that is unknown": {[]int{1, 1, 1}, 3},
	} {
		if _, _, ended, dropped := f.feed(test.destinations...); ended != test.ended || dropped > 0 {
			t.Errorf("%s: the batch ended before packet %d, %d dropped; want %d and none", name, ended, dropped, test.ended)
		}
	}
}

func TestMostPacketsAreDroppedOnceAsManyWaitAsTheEngineKeeps(t *testing.T) {
	f := newFeeder(256, 1000)
	f.prove(1)
	for n := range maxStaged {
		if packets, _, _, dropped := f.feed(2); len(packets) != 1 || dropped > 0 {
			t.Fatalf("packet %d was not taken", n)
		}
	}
	if packets, to, ended, dropped := f.feed(1, 2, 1, 2, 2, 1); len(packets) != 3 || ended != 6 || dropped != 3 {
		t.Errorf("taken %v, %d dropped", to, dropped)
	}
	f.time += moment(stallTimeout)
	if packets, _, ended, _ := f.feed(2, 2); len(packets) != 1 || ended != 1 {
		t.Errorf("%d packets were taken after a while, want one", len(packets))
	}
	if _, _, _, dropped := f.feed(2); dropped != 1 {
		t.Error("another one was not dropped")
	}
}

func TestWhenAPeerAnswersItsPacketsFlowAtOnce(t *testing.T) {
	f := newFeeder(256, 1000)
	var all [][]byte
	for range 2 * maxStaged {
		packets, _, _, _ := f.feed(2)
		all = append(all, packets...)
		f.time += moment(stallTimeout)
	}
	// The engine has kept the newest ones.
	f.out(all[len(all)-maxStaged:][:1])
	if f.inside != maxStaged-1 || f.waiting != 0 {
		t.Errorf("%d count and %d wait, want %d and none", f.inside, f.waiting, maxStaged-1)
	}
	if packets, _, _, dropped := f.feed(repeated(2, 50)...); len(packets) != 50 || dropped > 0 {
		t.Errorf("%d of 50 were taken, %d dropped", len(packets), dropped)
	}
}

func TestAFlowThatHasJustFlowedLosesNothingWhileTheProcessorIsBusy(t *testing.T) {
	f := newFeeder(256, 1000)
	f.prove(1)
	f.feed(repeated(1, 100)...)
	f.time += moment(busyTimeout - 1)
	if packets, _, _, _ := f.feed(repeated(1, 50)...); len(packets) != 50 {
		t.Errorf("%d of 50 were taken together while nothing comes out at all", len(packets))
	}
	f.time++
	for n := range 500 {
		if packets, _, _, dropped := f.feed(1); len(packets) != 1 || dropped > 0 {
			t.Fatalf("packet %d was not taken", n)
		}
	}
	if _, _, ended, _ := f.feed(1, 1); ended != 1 {
		t.Error("a batch holds more than one")
	}
	// Its session is over.
	f.time += moment(recent)
	f.feed(1)
	if _, _, _, dropped := f.feed(1); dropped != 1 {
		t.Errorf("%d were dropped after it has not flowed for long", dropped)
	}
}

func TestAFlowThatIsStuckWhileOthersFlowNoLongerCounts(t *testing.T) {
	f := newFeeder(256, 1000)
	f.prove(1, 2)
	f.feed(repeated(1, 300)...)
	f.time += moment(stallTimeout)
	f.prove(2)
	expect(t, waiting(f.limit, nil))
	if _, _, ended, _ := f.feed(1, 1); ended != 1 || f.inside != 0 {
		t.Errorf("the batch ended before packet %d, and %d count", ended, f.inside)
	}
}

func TestPacketsWithoutAPeerDoNotEndBatches(t *testing.T) {
	f := newFeeder(256, 1000)
	f.prove(1)
	// The engine drops such a packet at once, and its buffer comes again.
	buffer := packetsIn(1)
	for range 2 {
		f.Begin()
		f.Judge(numberedDestination(9))
		f.Take(NotECT)
		f.enter(buffer)
	}
	if f.waiting != 1 {
		t.Errorf("%d count as waiting, want the last one", f.waiting)
	}
	if packets, _, ended, dropped := f.feed(1, 9, 1, 9, 1); len(packets) != 3 || ended != 5 || dropped != 2 {
		t.Errorf("%d were taken, %d dropped, want 3 and 2", len(packets), dropped)
	}
	f.time += moment(stallTimeout)
	if packets, _, _, _ := f.feed(9); len(packets) != 1 {
		t.Error("none is tried after a while: a peer may have got the destination")
	}
	f.out(f.unused[len(f.unused)-1:])
	if packets, _, _, _ := f.feed(repeated(9, 20)...); len(packets) != 20 {
		t.Errorf("%d of 20 were taken once a peer has it", len(packets))
	}
}

func TestIfTooManyPacketsWaitEachFlowMayKeepOne(t *testing.T) {
	f := newFeeder(256, maxWaiting+10)
	for n := 0; f.waiting < maxWaiting; n++ {
		f.feed(1000 + n/maxStaged)
	}
	if packets, _, _, _ := f.feed(2); len(packets) != 1 {
		t.Error("a flow gets not even one packet")
	}
	if _, _, _, dropped := f.feed(2); dropped != 1 {
		t.Error("it gets more than one")
	}
	f.time += moment(scarceInterval)
	if packets, _, _, _ := f.feed(2); len(packets) != 1 {
		t.Error("after a pause it gets none")
	}
	// What the engine has given up does not count for ever.
	f.time += moment(flowExpiry)
	f.feed(3)
	if _, _, _, dropped := f.feed(3); dropped > 0 || f.waiting > 10 {
		t.Errorf("%d still wait, %d dropped", f.waiting, dropped)
	}
}

func TestAnEvictedFlowTakesNoRoom(t *testing.T) {
	f := newFeeder(256, 1000)
	f.prove(1)
	f.feed(repeated(1, 100)...)
	f.feed(2)
	for n := range 3 * maxFlows {
		f.time++
		f.prove(1000 + n)
	}
	if f.inside != 0 || f.waiting != 0 {
		t.Errorf("%d count, %d wait", f.inside, f.waiting)
	}
}

// Whatever enters, comes out in any order or is dropped, the sums are those of the flows, and
// there is room again once all packets have come out or are stuck.
func TestTheSumsAlwaysMatchTheFlows(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		f := newFeeder(1+random.IntN(300), 300)
		var inside [][]byte
		for range 300 {
			switch random.IntN(4) {
			case 0, 1:
				destinations := make([]int, random.IntN(100))
				for i := range destinations {
					destinations[i] = random.IntN(20)
				}
				packets, _, _, _ := f.feed(destinations...)
				inside = append(inside, packets...)
			case 2:
				n := random.IntN(len(inside) + 1)
				f.out(inside[:n])
				inside = inside[n:]
			case 3:
				n := random.IntN(len(inside) + 1)
				inside = inside[n:] // dropped
				f.time += moment(random.Int64N(int64(2 * stallTimeout)))
			}
			var counts, waits uint32
			for _, flow := range f.known.known {
				counts += flow.counted
				waits += flow.waiting
				if flow.counted > flow.inside() || flow.waiting > maxStaged {
					t.Fatalf("%d of %d count, %d wait", flow.counted, flow.inside(), flow.waiting)
				}
			}
			if f.inside != counts || f.limit.waiting != waits {
				t.Fatalf("%d and %d are the sums of %d and %d", f.inside, f.limit.waiting, counts, waits)
			}
		}
		f.time += moment(busyTimeout)
		expect(t, waiting(f.limit, nil))
	}
}

func TestWithoutALimitAllPacketsAreAdmitted(t *testing.T) {
	var o *Outbound
	b := NewBatch(o)
	b.Begin()
	for range 300 {
		if verdict := b.Judge(numberedDestination(1)); verdict != Admitted {
			t.Fatalf("verdict %d", verdict)
		}
		b.Take(NotECT)
	}
	b.Enter(packetsIn(1), []int{1})
	o.Leave(packetsIn(1), make([]ECN, 1))
	o.Wait(nil)
}
