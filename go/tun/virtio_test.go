package tun

import (
	"bytes"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/inflight"
	"wg-bridge/go/segmentation"
	"wg-bridge/go/testbed"
)

// joined returns what the kernel would receive for each run.
func joined(t testing.TB, buffers [][]byte) [][]byte {
	t.Helper()
	w := &writer{joiner: segmentation.Joiner{Joins: AllOffloads.kinds()}, buffers: buffers, offset: testbed.Headroom}
	w.joiner.Join(buffers, testbed.Headroom)
	var written [][]byte
	for i := range w.joiner.Runs {
		w.load(&w.joiner.Runs[i])
		var one []byte
		for _, piece := range w.pieces {
			one = append(one, pieceBytes(piece)...)
		}
		written = append(written, one)
	}
	return written
}

// separated segments what was written to a TUN, as the reader does.
func separated(t testing.TB, written [][]byte) [][]byte {
	t.Helper()
	var packets [][]byte
	for _, bytes := range written {
		r := newReader(nil, false, inflight.NewBatch(nil), func(format string, arguments ...any) { t.Errorf(format, arguments...) })
		buffers := make([][]byte, segmentation.MaxSegments)
		for i := range buffers {
			buffers[i] = make([]byte, testbed.Headroom+inet.MaxPacket)
		}
		r.buffers, r.sizes, r.offset = buffers, make([]int, len(buffers)), testbed.Headroom
		if err := r.take(bytes); err != nil {
			t.Fatal(err)
		}
		for r.left.Left() || r.single != nil {
			r.place()
		}
		for i := range r.count {
			packets = append(packets, buffers[i][testbed.Headroom:testbed.Headroom+r.sizes[i]])
		}
	}
	return packets
}

func TestTheHeaderOfAJoinedPacketSaysHowToRestoreAll(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			s := &testbed.Stream{Version: version, Protocol: protocol, Port: 1, Sequence: 1<<32 - 300, ID: 7}
			packets := batch(s, 10)
			written := joined(t, testbed.Buffers(packets))
			if len(written) != 1 {
				t.Fatalf("IPv%d, protocol %d: %d writes of %d packets", version, protocol, len(written), len(packets))
			}
			got := separated(t, written)
			if len(got) != len(packets) {
				t.Fatalf("IPv%d, protocol %d: %d packets became %d", version, protocol, len(packets), len(got))
			}
			for i := range got {
				if !bytes.Equal(got[i], packets[i]) {
					t.Errorf("IPv%d, protocol %d: packet %d differs:\n%x\n%x", version, protocol, i, packets[i], got[i])
				}
			}
		}
	}
}

func FuzzAnyReadIsCutOrRefused(f *testing.F) {
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	f.Add(joined(f, testbed.Buffers([][]byte{s.Packet([]byte("payload"), inet.TCPACK), s.Packet([]byte("payload"), inet.TCPACK)}))[0])
	f.Add(make([]byte, virtioSize))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		r := newReader(nil, false, inflight.NewBatch(nil), func(string, ...any) {})
		const guard = 0xA5
		memory := make([]byte, 200)
		for i := range memory {
			memory[i] = guard
		}
		r.buffers, r.sizes, r.offset = [][]byte{memory[:150]}, make([]int, 1), testbed.Headroom
		if r.take(bytes) == nil {
			for steps := 0; r.left.Left() || r.single != nil; steps++ {
				if steps > inet.MaxPacket {
					t.Fatal("never ends")
				}
				r.count = 0
				r.place()
			}
		}
		for _, b := range memory[150:] {
			if b != guard {
				t.Fatal("wrote behind the buffer")
			}
		}
	})
}

// pieceBytes returns the bytes of a piece of a writev.
func pieceBytes(piece unix.Iovec) []byte { return unsafe.Slice(piece.Base, piece.Len) }
