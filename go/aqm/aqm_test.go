package aqm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wg-bridge/go/inet"
	"wg-bridge/go/inflight"
	"wg-bridge/go/testbed"
)

// queueAt returns a Queue and its clock.
func queueAt(began moment) (*Queue, *moment) {
	now := began
	q := NewWithClock(func(string, ...any) {}, func() time.Duration { return time.Duration(now) })
	q.flows.began = began
	return q, &now
}

// A sender is a flow in a simulation.
type sender struct {
	stream  *testbed.Stream
	packets int // in each batch
	size    int
	flags   uint8
	ecn     inflight.ECN
}

// outcome counts the packets of a sender.
type outcome struct{ delivered, marked, dropped int }

func (s *sender) packet() []byte {
	bytes := s.stream.Packet(make([]byte, s.size), s.flags)
	if s.stream.Version == 6 {
		bytes[1] |= byte(s.ecn) << 4
	} else {
		bytes[1] |= byte(s.ecn)
		inet.SetLength(bytes[:inet.IPv4HeaderLength], len(bytes))
	}
	return bytes
}

// pass passes batches of packets of all senders, a millisecond apart, which have all waited for as long.
func pass(t *testing.T, q *Queue, now *moment, batches int, wait time.Duration, senders ...*sender) []outcome {
	t.Helper()
	var packets [][]byte
	var by []int
	for n, s := range senders {
		for range s.packets {
			packets, by = append(packets, s.packet()), append(by, n)
		}
	}
	buffers, waited := testbed.Buffers(packets), make([]inflight.Wait, len(packets))
	for i := range waited {
		waited[i] = inflight.WaitOf(wait)
	}
	outcomes := make([]outcome, len(senders))
	for range batches {
		*now += ms
		passed := q.Pass(buffers, testbed.Headroom, waited)
		next := 0
		for i, buffer := range buffers {
			one := &outcomes[by[i]]
			if next == len(passed) || &passed[next][0] != &buffer[0] {
				one.dropped++
				continue
			}
			next++
			one.delivered++
			const changes = inet.IPv4HeaderLength // the part of a packet in which a mark changes anything
			if got := buffer[testbed.Headroom:]; !slices.Equal(got[:changes], packets[i][:changes]) {
				one.marked++
				expectMark(t, packets[i], got)
				copy(got, packets[i])
			}
		}
		if next != len(passed) {
			t.Fatalf("%d packets passed, %d of them in order", len(passed), next)
		}
		q.Release()
	}
	return outcomes
}

// expectMark fails the test unless a packet differs by its mark alone, and has the right checksum.
func expectMark(t *testing.T, before, after []byte) {
	t.Helper()
	want := slices.Clone(before)
	if want[0]>>4 == 6 {
		want[1] |= 0x30
	} else {
		want[1] |= 3
		inet.SetLength(want[:inet.IPv4HeaderLength], len(want)) // computes the checksum from scratch
	}
	if !slices.Equal(after, want) {
		t.Errorf("marked:\n% x\nwant:\n% x", after, want)
	}
}

func bulk(version uint8, ecn inflight.ECN) *sender {
	return &sender{&testbed.Stream{Version: version, Protocol: protocolTCP, Port: 1}, 70, 1300, inet.TCPACK, ecn}
}

const long = 200 * time.Millisecond

func TestAFlowThatFillsTheQueueIsSlowedDown(t *testing.T) {
	q, now := queueAt(start)
	got := pass(t, q, now, 2000, long, bulk(4, inflight.NotECT))[0]
	if got.dropped < 2 || got.marked > 0 {
		t.Errorf("%+v; want some dropped", got)
	}
}

func TestAFlowThatSupportsECNIsMarkedAndLosesNothing(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		for _, ecn := range []inflight.ECN{1, 2} {
			q, now := queueAt(start)
			got := pass(t, q, now, 2000, long, bulk(version, ecn))[0]
			if got.marked < 2 || got.dropped > 0 {
				t.Errorf("IPv%d, %02b: %+v; want some marked", version, ecn, got)
			}
		}
	}
}

func TestNothingHappensToAShortQueue(t *testing.T) {
	q, now := queueAt(start)
	if got := pass(t, q, now, 2000, time.Millisecond, bulk(4, inflight.NotECT))[0]; got.dropped > 0 || got.marked > 0 {
		t.Errorf("%+v", got)
	}
}

func TestLightFlowsAndControlSegmentsNeverPay(t *testing.T) {
	q, now := queueAt(start)
	names := []string{"a download", "a call", "SSH", "an upload's acknowledgements", "openings"}
	got := pass(t, q, now, 2000, long,
		bulk(4, inflight.NotECT),
		&sender{udpStream(2), 1, 200, 0, inflight.NotECT},
		&sender{tcpStream(3), 1, 100, inet.TCPACK | inet.TCPPSH, inflight.NotECT},
		&sender{tcpStream(4), 200, 0, inet.TCPACK, inflight.NotECT},
		&sender{tcpStream(5), 200, 0, inet.TCPSYN, inflight.NotECT},
	)
	for n, one := range got {
		if pays := one.dropped > 0; pays != (n == 0) {
			t.Errorf("%s: %+v", names[n], one)
		}
	}
}

func TestSegmentsWithoutDataNeverPayEvenAlone(t *testing.T) {
	for name, flags := range map[string]uint8{"acknowledgements": inet.TCPACK, "openings": inet.TCPSYN} {
		q, now := queueAt(start)
		s := &sender{tcpStream(1), 70, 0, flags, inflight.NotECT}
		if got := pass(t, q, now, 2000, long, s)[0]; got.dropped > 0 || got.delivered == 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestABatchIsForgottenOnceItIsReleased(t *testing.T) {
	q, now := queueAt(start)
	if got := pass(t, q, now, 2000, long, bulk(4, inflight.NotECT))[0]; got.dropped == 0 {
		t.Fatal("no packet was dropped")
	}
	for _, buffer := range q.kept[:cap(q.kept)] {
		if buffer != nil {
			t.Fatal("a buffer is still referred to")
		}
	}
}

func TestCallsAloneNeverPay(t *testing.T) {
	q, now := queueAt(start)
	for _, got := range pass(t, q, now, 2000, long,
		&sender{udpStream(1), 1, 200, 0, inflight.NotECT}, &sender{udpStream(2), 1, 200, 0, inflight.NotECT}) {
		if got.dropped > 0 {
			t.Errorf("%+v", got)
		}
	}
}

// Flows that never answer make the law demand ever more.
func TestAtMostOnePacketIn64Pays(t *testing.T) {
	q, now := queueAt(start)
	var senders []*sender
	for port := range uint16(40) {
		senders = append(senders, &sender{tcpStream(port), 1, 1300, inet.TCPACK, inflight.NotECT})
		q.flows.receive(tcpStream(port), 1, 1300).roundTrip.add(time.Millisecond, start)
	}
	all, dropped := 0, 0
	for _, one := range pass(t, q, now, 4500, 10*time.Millisecond, senders...) {
		all, dropped = all+one.delivered+one.dropped, dropped+one.dropped
	}
	if most := all / signalInterval; dropped > most || dropped < most/2 {
		t.Errorf("%d of %d packets dropped, want at most %d, and no less than half of that", dropped, all, most)
	}
}

func TestAFlowGetsOneSignalARoundTrip(t *testing.T) {
	q, now := queueAt(start)
	seconds := 20
	got := pass(t, q, now, seconds*1000, long, bulk(4, inflight.NotECT))[0]
	if most := int(time.Duration(seconds) * time.Second / (long + maxRoundTrip)); got.dropped > most || got.dropped < most/2 {
		t.Errorf("%+v, want at most %d dropped", got, most)
	}
}

// Each timestamp is echoed 10 ms after it was sent.
func TestAQueueMeasuresTheRoundTripWithoutItsOwnWait(t *testing.T) {
	for _, waited := range []time.Duration{0, 4 * time.Millisecond} {
		q, now := queueAt(start)
		s := tcpStream(1)
		waits := make([]inflight.Wait, 300)
		for i := range waits {
			waits[i] = inflight.WaitOf(waited)
		}
		for n := range uint32(1000) {
			*now += ms
			answers := make([][]byte, len(waits))
			for i := range answers {
				answers[i] = stamped(s, 1300, inet.TCPACK, 500+n, 100+n)
			}
			q.Sent(reversed(stamped(s, 0, inet.TCPACK, 100+n+10, 500+n)))
			q.Pass(testbed.Buffers(answers), testbed.Headroom, waits)
			q.Release()
		}
		want := minTarget + (10*time.Millisecond-waited)/2 // and the time of a batch, half a millisecond
		if q.law.target < want || q.law.target > want+time.Millisecond/2 {
			t.Errorf("after %v in the queue: target %v, want %v", waited, q.law.target, want)
		}
	}
}

func TestAQueueTellsTheRoundTripOfAFlow(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		q, now := queueAt(start)
		s := &testbed.Stream{Version: version, Protocol: protocolTCP, Port: 1}
		receive := func(echo uint32) []byte {
			packet := stamped(s, 0, inet.TCPACK, 500, echo)
			q.Pass(testbed.Buffers([][]byte{packet}), testbed.Headroom, make([]inflight.Wait, 1))
			q.Release()
			return packet
		}
		packet := receive(99)
		if got := q.RoundTrip(packet); got != 0 {
			t.Errorf("IPv%d: %v before it is measured", version, got)
		}
		for i, roundTrip := range []moment{20 * ms, 30 * ms} {
			q.Sent(reversed(stamped(s, 100, inet.TCPACK, 100+uint32(i), 500)))
			*now += roundTrip
			receive(100 + uint32(i))
		}
		if got := q.RoundTrip(packet); got != 20*time.Millisecond {
			t.Errorf("IPv%d: %v, want the shortest of 20 and 30 ms", version, got)
		}
		other := &testbed.Stream{Version: version, Protocol: protocolTCP, Port: 2}
		if got := q.RoundTrip(other.Packet(nil, inet.TCPACK)); got != 0 {
			t.Errorf("IPv%d: %v for a flow that is not known", version, got)
		}
	}
}

func TestOddPacketsPass(t *testing.T) {
	q, now := queueAt(start)
	pass(t, q, now, 2000, long, bulk(4, inflight.NotECT))
	fragment := tcpStream(1).Packet(make([]byte, 100), inet.TCPACK)
	fragment[inet.IPv4Fragment] = 0x20
	odd := [][]byte{{}, {0x45}, {0x60}, fragment, make([]byte, 100), append([]byte{0x60}, make([]byte, 50)...)}
	buffers := testbed.Buffers(odd)
	for range 500 {
		*now += ms
		waited := make([]inflight.Wait, len(odd))
		for i := range waited {
			waited[i] = inflight.WaitOf(long)
			if roundTrip := q.RoundTrip(odd[i]); roundTrip != 0 {
				t.Fatalf("%x has a round trip of %v", odd[i], roundTrip)
			}
		}
		if passed := q.Pass(buffers, testbed.Headroom, waited); len(passed) != len(odd) {
			t.Fatalf("%d of %d passed", len(passed), len(odd))
		}
	}
}

func TestWithoutAQueueEverythingPasses(t *testing.T) {
	var q *Queue
	buffers := testbed.Buffers([][]byte{{1}})
	if passed := q.Pass(buffers, testbed.Headroom, nil); len(passed) != 1 {
		t.Errorf("%d passed", len(passed))
	}
	if roundTrip := q.RoundTrip(buffers[0]); roundTrip != 0 {
		t.Errorf("a round trip of %v", roundTrip)
	}
	q.Sent(nil)
	q.Release()
}

func TestSignalsAreReportedFromTimeToTime(t *testing.T) {
	now := start
	var lines []string
	q := NewWithClock(func(format string, arguments ...any) { lines = append(lines, fmt.Sprintf(format, arguments...)) },
		func() time.Duration { return time.Duration(now) })
	total := pass(t, q, &now, 35_000, long, bulk(4, inflight.NotECT))[0].dropped
	if len(lines) < 3 || len(lines) > 4 {
		t.Fatalf("%d lines in 35 seconds: %q", len(lines), lines)
	}
	reported := 0
	for _, line := range lines {
		var dropped int
		if _, err := fmt.Sscanf(line[strings.LastIndex(line, ", ")+2:], "%d dropped", &dropped); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		reported += dropped
	}
	if reported > total || reported == 0 {
		t.Errorf("%d reported of %d", reported, total)
	}
}

func TestABatchAllocatesNothing(t *testing.T) {
	q, now := queueAt(start)
	sent := reversed(bulk(4, inflight.NotECT).packet())
	packets := [][]byte{}
	for range 100 {
		packets = append(packets, bulk(4, inflight.NotECT).packet())
	}
	buffers, waited := testbed.Buffers(packets), make([]inflight.Wait, len(packets))
	for i := range waited {
		waited[i] = inflight.WaitOf(long)
	}
	if got := testing.AllocsPerRun(5000, func() {
		*now += ms
		q.Sent(sent)
		q.Pass(buffers, testbed.Headroom, waited)
		q.Release()
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkPass(b *testing.B) {
	q := New(func(string, ...any) {})
	packets := [][]byte{}
	for range 100 {
		packets = append(packets, bulk(4, inflight.NotECT).packet())
	}
	buffers, waited := testbed.Buffers(packets), make([]inflight.Wait, len(packets))
	for b.Loop() {
		q.Pass(buffers, testbed.Headroom, waited)
		q.Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(packets)), "ns/packet")
}

// Run with -race.
func TestPacketsAreSentWhileOthersAreReceived(t *testing.T) {
	q := New(func(string, ...any) {})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range uint32(2000) {
			q.Sent(reversed(stamped(tcpStream(1), 0, inet.TCPACK, n, n)))
		}
	}()
	for n := range uint32(2000) {
		q.Pass(testbed.Buffers([][]byte{stamped(tcpStream(1), 1300, inet.TCPACK, n, n)}), testbed.Headroom, make([]inflight.Wait, 1))
		q.Release()
	}
	<-done
}
