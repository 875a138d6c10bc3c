package netstack

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/aqm"
	"wg-bridge/go/inet"
	"wg-bridge/go/inflight"
	"wg-bridge/go/testbed"
)

func TestAStreamWhosePacketsWaitForLongLosesSome(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	for _, waited := range []time.Duration{0, 200 * time.Millisecond} {
		inbound, clock := inflight.NewInbound(256), time.Hour
		queue := aqm.NewWithClock(t.Logf, func() time.Duration { return clock })
		d := newDevice(t, Config{Inbound: inbound, AQM: queue}, near4)
		s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
		bufs := make([][]byte, 8)
		for i := range bufs {
			bufs[i] = make([]byte, 1<<16) // as large as the engine's, which are recognised by their addresses
		}
		const batches = 2000
		for range batches {
			clock += time.Millisecond
			waits := make([]inflight.Wait, len(bufs))
			for i := range bufs {
				packet := s.Packet(make([]byte, 100), inet.TCPACK|inet.TCPPSH) // PSH: they are not joined
				bufs[i] = bufs[i][:readRoom+copy(bufs[i][readRoom:1<<16], packet)]
				waits[i] = inflight.WaitOf(waited)
			}
			inbound.Enter(bufs, make([]int, len(bufs)), make([]inflight.ECN, len(bufs)), waits)
			if n, err := d.Write(bufs, readRoom); n != len(bufs) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		lost := batches*len(bufs) - int(d.Stack().Stats().IP.PacketsReceived.Value())
		if waited == 0 && lost != 0 || waited > 0 && lost < 2 {
			t.Errorf("after %v in the queue %d packets were lost", waited, lost)
		}
	}
}
