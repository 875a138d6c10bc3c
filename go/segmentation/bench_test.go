package segmentation

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

// fullBatch returns as many packets of a TCP stream as one joined packet holds.
func fullBatch() (packets [][]byte, size int64) {
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	for range 44 {
		packets = append(packets, s.Packet(make([]byte, 1368), inet.TCPACK))
		size += int64(len(packets[0]))
	}
	return packets, size
}

func BenchmarkJoin(b *testing.B) {
	packets, size := fullBatch()
	buffers, joiner := testbed.Buffers(packets), newJoiner()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		copy(buffers[0][testbed.Headroom:], packets[0]) // The last round changed it.
		joiner.Join(buffers, testbed.Headroom)
		for i := range joiner.Runs {
			joiner.Runs[i].JoinHeaders(buffers[joiner.Runs[i].First][testbed.Headroom:])
		}
	}
}

func BenchmarkCut(b *testing.B) {
	packets, size := fullBatch()
	one := joined(testbed.Buffers(packets))[0]
	whole, to := bytes.Join(one.parts, nil), make([]byte, 2000)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		s, err := Cut(one.plan, whole)
		if err != nil {
			b.Fatal(err)
		}
		for s.Left() {
			s.Next(to)
		}
	}
}
