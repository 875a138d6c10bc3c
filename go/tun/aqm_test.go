package tun

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/aqm"
	"wg-bridge/go/inet"
	"wg-bridge/go/inflight"
	"wg-bridge/go/testbed"
)

// writeQueued writes batches of a TCP stream, a millisecond apart, whose packets have waited in the UDP socket, and
// returns how many were marked and how many never came out.
func writeQueued(t *testing.T, waited time.Duration, ecn inflight.ECN) (marked, dropped int) {
	t.Helper()
	tun := newFakeTUN(t, 900)
	inbound, clock := inflight.NewInbound(256), time.Hour
	tun.writer.inbound = inbound
	tun.writer.aqm = aqm.NewWithClock(t.Logf, func() time.Duration { return clock })
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	buffers := make([][]byte, 8)
	for i := range buffers {
		buffers[i] = make([]byte, 1<<16) // as large as the engine's, which are recognised by their addresses
	}
	const batches = 2000
	came := 0
	for range batches {
		clock += time.Millisecond
		marks, waits, sizes := make([]inflight.ECN, len(buffers)), make([]inflight.Wait, len(buffers)), make([]int, len(buffers))
		for i := range buffers {
			packet := s.Packet(make([]byte, 100), inet.TCPACK|inet.TCPPSH) // PSH: they are not joined
			setECN(packet, ecn)
			buffers[i] = buffers[i][:testbed.Headroom+copy(buffers[i][testbed.Headroom:1<<16], packet)]
			waits[i] = inflight.WaitOf(waited)
		}
		inbound.Enter(buffers, sizes, marks, waits)
		if n, err := tun.writer.flush(buffers, testbed.Headroom); n != len(buffers) || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, len(buffers), err)
		}
		for _, frame := range tun.written(t) {
			came++
			if inflight.ECNOf(frame[virtioSize:]) == inflight.Congested {
				marked++
			}
		}
	}
	return marked, batches*len(buffers) - came
}

func TestAStreamWhosePacketsWaitForLongIsMarked(t *testing.T) {
	if marked, dropped := writeQueued(t, 200*time.Millisecond, 2); marked < 2 || dropped > 0 {
		t.Errorf("%d marked, %d dropped", marked, dropped)
	}
}

func TestAStreamWithoutECNLosesPacketsThatCountAsWritten(t *testing.T) {
	if marked, dropped := writeQueued(t, 200*time.Millisecond, inflight.NotECT); marked > 0 || dropped < 2 {
		t.Errorf("%d marked, %d dropped", marked, dropped)
	}
}

func TestAStreamWhosePacketsDoNotWaitIsLeftAlone(t *testing.T) {
	if marked, dropped := writeQueued(t, 0, 2); marked > 0 || dropped > 0 {
		t.Errorf("%d marked, %d dropped", marked, dropped)
	}
}
