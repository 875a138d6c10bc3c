//go:build !race

// The race detector allocates.

package tun

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inflight"
	"wg-bridge/go/testbed"
)

// allocationRuns is how often a function runs that must allocate nothing.
const allocationRuns = 200

func TestReadAllocatesNothing(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newDevice(t, "wgd6")
	outbound := inflight.NewOutbound(maxSegments) // Some reads have to wait.
	device.config.Outbound, device.reader.batch = outbound, inflight.NewBatch(outbound)
	testbed.Run(t, "ip", "address", "add", "10.77.0.1/24", "dev", "wgd6")
	testbed.Run(t, "ip", "address", "add", "fd77::1/64", "dev", "wgd6", "nodad")
	testbed.Run(t, "ip", "link", "set", "wgd6", "up")
	buffers, sizes, ecn := make([][]byte, maxSegments), make([]int, maxSegments), make([]inflight.ECN, maxSegments)
	for i := range buffers {
		buffers[i] = make([]byte, headroom+maxPacket)
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
					n, err := device.Read(buffers, sizes, headroom)
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
				s := &stream{version: version, protocol: protocol}
				for range 3 {
					packets = append(packets, s.packet(make([]byte, 1000), tcpACK))
				}
			}
		}
	}
	buffers := buffersOf(packets)
	for _, count := range []int{1, len(buffers)} {
		got := testing.AllocsPerRun(allocationRuns, func() {
			for i, packet := range packets[:count] {
				copy(buffers[i][headroom:], packet) // Write changes it.
			}
			if n, err := device.Write(buffers[:count], headroom); n != count || err != nil {
				t.Fatalf("wrote %d of %d packets: %v", n, count, err)
			}
		})
		if got >= 1 {
			t.Errorf("%v allocations for each write of %d packets", got, count)
		}
	}
	if !slices.ContainsFunc(device.writer.coalescer.runs, func(r run) bool { return r.count > 1 }) {
		t.Error("nothing was joined")
	}
}
