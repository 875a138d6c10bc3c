//go:build !race

// The race detector allocates.

package tun

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/inflight"
	"wg-bridge/go/segmentation"
	"wg-bridge/go/testbed"
)

// allocationRuns is how often a function runs that must allocate nothing.
const allocationRuns = 200

func TestReadAllocatesNothing(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newDevice(t, "wgd6")
	outbound := inflight.NewOutbound(segmentation.MaxSegments) // Some reads have to wait.
	device.config.Outbound, device.reader.batch = outbound, inflight.NewBatch(outbound)
	testbed.Run(t, "ip", "address", "add", "10.77.0.1/24", "dev", "wgd6")
	testbed.Run(t, "ip", "address", "add", "fd77::1/64", "dev", "wgd6", "nodad")
	testbed.Run(t, "ip", "link", "set", "wgd6", "up")
	buffers, sizes, ecn := make([][]byte, segmentation.MaxSegments), make([]int, segmentation.MaxSegments), make([]inflight.ECN, segmentation.MaxSegments)
	for i := range buffers {
		buffers[i] = make([]byte, testbed.Headroom+inet.MaxPacket)
	}
	for _, address := range []string{"10.77.0.2:9", "[fd77::2]:9"} {
		for _, segments := range []int{1, 20} {
			const size = 1000
			sender := dialSegmenting(t, address, size)
			defer sender.Close()
			message := make([]byte, segments*size)
			got := testing.AllocsPerRun(allocationRuns, func() {
				if _, err := sender.Write(message); err != nil {
					t.Fatal(err)
				}
				for read := 0; read < segments; {
					n, err := device.Read(buffers, sizes, testbed.Headroom)
					if err != nil {
						t.Fatal(err)
					}
					outbound.Leave(buffers[:n], ecn[:n])
					for _, length := range sizes[:n] {
						if length > size { // and nothing that the kernel sends by itself
							read++
						}
					}
				}
			})
			if got >= 1 {
				t.Errorf("%v allocations for each read of %d packets to %s", got, segments, address)
			}
		}
	}
}

func TestWriteAllocatesNothing(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newDevice(t, "wgd7")
	device.writer.inbound = inflight.NewInbound(1)
	testbed.Run(t, "ip", "link", "set", "wgd7", "up")
	var packets [][]byte
	for range 5 { // runs that are joined, and flows in turn
		for _, version := range []uint8{4, 6} {
			for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
				s := &testbed.Stream{Version: version, Protocol: protocol}
				for range 3 {
					packets = append(packets, s.Packet(make([]byte, 1000), inet.TCPACK))
				}
			}
		}
	}
	buffers := testbed.Buffers(packets)
	for _, count := range []int{1, len(buffers)} {
		got := testing.AllocsPerRun(allocationRuns, func() {
			for i, packet := range packets[:count] {
				copy(buffers[i][testbed.Headroom:], packet) // Write changes it.
			}
			if n, err := device.Write(buffers[:count], testbed.Headroom); n != count || err != nil {
				t.Fatalf("wrote %d of %d packets: %v", n, count, err)
			}
		})
		if got >= 1 {
			t.Errorf("%v allocations for each write of %d packets", got, count)
		}
	}
	if !slices.ContainsFunc(device.writer.joiner.Runs, func(r segmentation.Run) bool { return r.Count > 1 }) {
		t.Error("nothing was joined")
	}
}
