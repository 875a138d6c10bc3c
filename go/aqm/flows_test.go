package aqm

import (
	"math/rand/v2"
	"testing"
	"time"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

// receive adds count packets of a stream to its flow, and returns that.
func (f *flows) receive(s *testbed.Stream, count, size int) (found *flow) {
	p, _ := parse(s.Packet(make([]byte, size), inet.TCPACK))
	for range count {
		found = f.received(&p, start, 0)
	}
	return found
}

func (f *flows) isHeavy(one *flow) bool { return one.heavyIn == f.period }

func tcpStream(port uint16) *testbed.Stream {
	return &testbed.Stream{Version: 4, Protocol: protocolTCP, Port: port}
}

func udpStream(port uint16) *testbed.Stream {
	return &testbed.Stream{Version: 4, Protocol: protocolUDP, Port: port}
}

func TestAFlowIsTheSameInBothDirections(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{protocolTCP, protocolUDP} {
			s := testbed.Stream{Version: version, Protocol: protocol, Port: 99}
			bytes := s.Packet(nil, inet.TCPACK)
			there, _ := parse(bytes)
			back, _ := parse(reversed(bytes))
			if tupleOf(&there, false) != tupleOf(&back, true) {
				t.Errorf("IPv%d, protocol %d: two flows", version, protocol)
			}
			if tupleOf(&there, false) == tupleOf(&back, false) {
				t.Errorf("IPv%d, protocol %d: the ends of a flow can be exchanged", version, protocol)
			}
		}
	}
}

func TestProtocolsAndVersionsDoNotShareFlows(t *testing.T) {
	known := map[tuple]bool{}
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{protocolTCP, protocolUDP} {
			bytes := (&testbed.Stream{Version: version, Protocol: protocol, Port: 99}).Packet(nil, inet.TCPACK)
			clear(inet.Addresses(bytes))
			p, _ := parse(bytes)
			known[tupleOf(&p, false)] = true
		}
	}
	if len(known) != 4 {
		t.Errorf("%d flows, want 4", len(known))
	}
}

func TestAFlowWithAFairShareIsHeavy(t *testing.T) {
	q, _ := queueAt(start)
	bulk, half, tiny := q.flows.receive(tcpStream(1), 100, 1000), q.flows.receive(tcpStream(2), 10, 1000), q.flows.receive(tcpStream(3), 1, 50)
	q.flows.endPeriod(start + ms)
	if !q.flows.isHeavy(bulk) || q.flows.isHeavy(half) || q.flows.isHeavy(tiny) {
		t.Errorf("heavy: %v, %v, %v; want the first alone", q.flows.isHeavy(bulk), q.flows.isHeavy(half), q.flows.isHeavy(tiny))
	}
	q.flows.endPeriod(start + 2*ms)
	if q.flows.isHeavy(bulk) {
		t.Error("a flow is heavy that was silent for a period")
	}
}

func TestEqualFlowsAreAllHeavy(t *testing.T) {
	q, _ := queueAt(start)
	var all []*flow
	for port := range uint16(4) {
		all = append(all, q.flows.receive(tcpStream(port), 10, 1000))
	}
	q.flows.endPeriod(start + ms)
	for port, one := range all {
		if !q.flows.isHeavy(one) {
			t.Errorf("flow %d is not heavy", port)
		}
	}
}

func TestACallIsNotHeavyEvenAlone(t *testing.T) {
	q, _ := queueAt(start)
	call, download := q.flows.receive(udpStream(1), 20, 1000), q.flows.receive(udpStream(2), 30, 1000)
	q.flows.endPeriod(start + ms)
	if q.flows.isHeavy(call) || !q.flows.isHeavy(download) {
		t.Errorf("heavy: %v and %v", q.flows.isHeavy(call), q.flows.isHeavy(download))
	}
	call = q.flows.receive(udpStream(1), 20, 1000)
	if q.flows.endPeriod(start + 2*ms); q.flows.isHeavy(call) {
		t.Error("a call alone is heavy")
	}
}

func TestThePeriodsRoundTripIsTheMedianOfTheHeavyFlows(t *testing.T) {
	q, _ := queueAt(start)
	for i, roundTrip := range []time.Duration{5, 50, 20} {
		one := q.flows.receive(tcpStream(uint16(i)), 1000, 1000)
		one.roundTrip.add(roundTrip*time.Millisecond, start)
	}
	light := q.flows.receive(tcpStream(9), 1, 10)
	light.roundTrip.add(time.Millisecond, start)
	if got := q.flows.endPeriod(start + ms); got < 20*time.Millisecond || got > 21*time.Millisecond {
		t.Errorf("%v, want 20 ms and the time of a batch", got)
	}
}

func TestTheRoundTripIsBoundedAndUnknownIfNobodyMeasuredIt(t *testing.T) {
	q, _ := queueAt(start)
	q.flows.receive(tcpStream(1), 10_000, 1000)
	if got := q.flows.endPeriod(start + ms); got != maxRoundTrip {
		t.Errorf("unknown: %v", got)
	}
	q.flows.receive(tcpStream(1), 10_000, 1000).roundTrip = shortest{began: start, now: time.Second}
	if got := q.flows.endPeriod(start + 2*ms); got != maxRoundTrip {
		t.Errorf("very long: %v", got)
	}
	if got := q.flows.endPeriod(start + 3*ms); got != maxRoundTrip {
		t.Errorf("without packets: %v", got)
	}
}

// 182 kB are a batch.
func TestTheTimeOfABatchCountsAsRoundTrip(t *testing.T) {
	q, _ := queueAt(start)
	q.flows.began = start
	one := q.flows.receive(tcpStream(1), 1000, 1000)
	one.roundTrip.add(6*time.Millisecond, start)
	got := q.flows.endPeriod(start + 10*ms)
	const received = 1000 * (1000 + inet.IPv4HeaderLength + inet.TCPHeaderLength + 12)
	want := 6*time.Millisecond + 10*time.Millisecond*batchBytes/received
	if got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestHeavyFlowsKeepTheirPlaces(t *testing.T) {
	q, _ := queueAt(start)
	bulk := q.flows.receive(tcpStream(0), 10_000, 1000)
	key := bulk.key.Load()
	for period := range 3 {
		for port := range uint16(20_000) {
			q.flows.receive(tcpStream(1+port), 1, 10)
		}
		if q.flows.receive(tcpStream(0), 10_000, 1000) != bulk || bulk.key.Load() != key {
			t.Fatalf("period %d: the heaviest flow has lost its place", period)
		}
		if len(q.flows.active) > sets*ways {
			t.Fatalf("%d flows are active", len(q.flows.active))
		}
		q.flows.endPeriod(start + moment(period+1)*ms)
	}
}

func TestAPlaceThatHeavyFlowsHoldIsNotTaken(t *testing.T) {
	q, _ := queueAt(start)
	for i := range q.flows.table {
		for n := range q.flows.table[i] {
			one := &q.flows.table[i][n]
			one.key.Store(1)
			one.heavyIn = q.flows.period
		}
	}
	if got := q.flows.receive(tcpStream(1), 1, 10); got != nil {
		t.Error("it was taken")
	}
}

func TestANewFlowInheritsNothing(t *testing.T) {
	q, _ := queueAt(start)
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		before := uint64(0)
		p, _ := parse(tcpStream(uint16(random.Uint32())).Packet(make([]byte, 10), inet.TCPACK))
		of := tupleOf(&p, false)
		key := q.flows.keyOf(&of)
		for i := range q.flows.table[key%sets] {
			if known := &q.flows.table[key%sets][i]; known.key.Load() == key {
				before = known.bytes
			}
		}
		found := q.flows.received(&p, start, 0)
		if found.bytes != before+uint64(len(p.ip)) {
			t.Fatalf("%d bytes after %d", found.bytes, before)
		}
		if before == 0 && (found.roundTrip != shortest{} || found.signalled != 0 || found.stamped.isPending()) {
			t.Fatalf("it has %+v, and was signalled at %v", found.roundTrip, found.signalled)
		}
		found.roundTrip.add(time.Second, start)
		found.signalled = start
		found.stamped.sent(7, at(start))
	}
}
