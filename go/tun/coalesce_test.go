package tun

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inflight"
)

// headroom is where a packet begins in the engine's buffers.
const headroom = 16

// A stream makes the packets of one flow as a sender with a fixed MTU would.
type stream struct {
	version, protocol uint8
	port              uint16
	sequence          uint32
	id                uint16
}

func (s *stream) packet(payload []byte, flags uint8) []byte {
	ip, transport := ipv4HeaderLength, udpHeaderLength
	if s.version == 6 {
		ip = ipv6HeaderLength
	}
	if s.protocol == unix.IPPROTO_TCP {
		transport = tcpHeaderLength + 12
	}
	p := make([]byte, ip+transport+len(payload))
	if s.version == 4 {
		p[0], p[ipv4TTL], p[ipv4Protocol] = 0x45, 64, s.protocol
		binary.BigEndian.PutUint16(p[ipv4ID:], s.id)
		copy(p[ipv4Addresses:], []byte{192, 0, 2, 1, 192, 0, 2, 2})
	} else {
		p[0], p[ipv6NextHeader], p[ipv6HopLimit] = 0x60, s.protocol, 64
		p[ipv6Addresses+15], p[ipv6Addresses+31] = 1, 2
	}
	setLength(p[:ip], len(p))
	t := p[ip:]
	binary.BigEndian.PutUint16(t, s.port)
	binary.BigEndian.PutUint16(t[2:], 5201)
	if s.protocol == unix.IPPROTO_TCP {
		binary.BigEndian.PutUint32(t[tcpSequence:], s.sequence)
		t[tcpDataOffset], t[tcpFlags] = byte(transport/4)<<4, flags
	} else {
		binary.BigEndian.PutUint16(t[udpLength:], uint16(len(t)))
	}
	copy(t[transport:], payload)
	checksum := pseudoHeader(addresses(p), s.protocol, len(t)).add(t).checksum()
	if checksum == 0 && s.protocol == unix.IPPROTO_UDP {
		checksum = 0xffff
	}
	binary.BigEndian.PutUint16(t[checksumAt(s.protocol):], checksum)
	s.sequence += uint32(len(payload))
	s.id++
	return p
}

func buffersOf(packets [][]byte) [][]byte {
	buffers := make([][]byte, len(packets))
	for i, p := range packets {
		buffers[i] = append(make([]byte, headroom, headroom+len(p)), p...)
	}
	return buffers
}

// joined returns what the kernel would receive for each run.
func joined(t testing.TB, buffers [][]byte) [][]byte {
	t.Helper()
	w := &writer{coalescer: coalescer{joins: AllOffloads.kinds()}, buffers: buffers, offset: headroom}
	w.coalescer.coalesce(buffers, headroom)
	var written [][]byte
	for i := range w.coalescer.runs {
		w.load(&w.coalescer.runs[i])
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
		buffers := make([][]byte, maxSegments)
		for i := range buffers {
			buffers[i] = make([]byte, headroom+maxPacket)
		}
		r.buffers, r.sizes, r.offset = buffers, make([]int, len(buffers)), headroom
		if err := r.take(bytes); err != nil {
			t.Fatal(err)
		}
		for r.left.left() || r.single != nil {
			r.place()
		}
		for i := range r.count {
			packets = append(packets, buffers[i][headroom:headroom+r.sizes[i]])
		}
	}
	return packets
}

func TestSegmentingJoinedPacketsRestoresThem(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			for range 50 {
				s := &stream{version: version, protocol: protocol, port: 1, sequence: random.Uint32(), id: uint16(random.Uint32())}
				size, count := 1+random.IntN(1400), 2+random.IntN(100)
				var packets [][]byte
				for i := range count {
					flags := tcpACK
					if random.IntN(8) == 0 {
						flags |= tcpPSH
					}
					length := size
					if i%7 == 6 {
						length = 1 + random.IntN(size)
					}
					payload := make([]byte, length)
					for j := range payload {
						payload[j] = byte(random.Uint32())
					}
					packets = append(packets, s.packet(payload, flags))
				}
				written := joined(t, buffersOf(packets))
				if count > 20 && len(written) == len(packets) {
					t.Fatalf("IPv%d, protocol %d: nothing of %d packets was joined", version, protocol, count)
				}
				got := separated(t, written)
				if len(got) != len(packets) {
					t.Fatalf("IPv%d, protocol %d: %d packets became %d", version, protocol, len(packets), len(got))
				}
				for i := range got {
					if !bytes.Equal(got[i], packets[i]) {
						t.Fatalf("IPv%d, protocol %d: packet %d differs:\n%x\n%x", version, protocol, i, packets[i][:60], got[i][:60])
					}
				}
			}
		}
	}
}

func TestPacketsThatTheKernelWouldNotRestoreAreNotJoined(t *testing.T) {
	payload := bytes.Repeat([]byte{7}, 100)
	for name, change := range map[string]func(packet []byte){
		"a wrong checksum":       func(p []byte) { p[len(p)-1]++ },
		"another ECN mark":       func(p []byte) { p[1] ^= 3; setLength(p[:ipv4HeaderLength], len(p)) },
		"another TTL":            func(p []byte) { p[ipv4TTL]--; setLength(p[:ipv4HeaderLength], len(p)) },
		"a fragment":             func(p []byte) { p[ipv4Fragment] |= 0x20; setLength(p[:ipv4HeaderLength], len(p)) },
		"an ID out of turn":      func(p []byte) { p[ipv4ID]++; setLength(p[:ipv4HeaderLength], len(p)) },
		"a wrong header sum":     func(p []byte) { p[ipv4Checksum]++ },
		"a length that is a lie": func(p []byte) { p[ipv4TotalLength+1]-- },
	} {
		for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			s := &stream{version: 4, protocol: protocol}
			packets := [][]byte{s.packet(payload, tcpACK), s.packet(payload, tcpACK)}
			if written := joined(t, buffersOf(packets)); len(written) != 1 {
				t.Fatal("two packets in order are not joined")
			}
			change(packets[1])
			if written := joined(t, buffersOf(packets)); len(written) != 2 {
				t.Errorf("protocol %d: joined with %s", protocol, name)
			}
		}
	}
	s := &stream{version: 4, protocol: unix.IPPROTO_UDP}
	fragments := [][]byte{s.packet(payload, 0), s.packet(payload, 0)}
	for _, p := range fragments {
		p[ipv4Fragment] |= 0x20
		setLength(p[:ipv4HeaderLength], len(p))
	}
	if written := joined(t, buffersOf(fragments)); len(written) != 2 {
		t.Error("joined two first fragments")
	}
	s = &stream{version: 4, protocol: unix.IPPROTO_TCP}
	if written := joined(t, buffersOf([][]byte{s.packet(payload, tcpACK), s.packet(payload, tcpACK|tcpCWR)})); len(written) != 2 {
		t.Error("joined with CWR set")
	}
}

func TestNoPacketOvertakesOneOfItsFlowThatCannotBeJoined(t *testing.T) {
	payload := bytes.Repeat([]byte{7}, 100)
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			s := &stream{version: version, protocol: protocol}
			packets := [][]byte{s.packet(payload, tcpACK), s.packet(nil, tcpACK), s.packet(payload, tcpACK)}
			got := separated(t, joined(t, buffersOf(packets)))
			if len(got) != len(packets) {
				t.Fatalf("IPv%d, protocol %d: %d packets became %d", version, protocol, len(packets), len(got))
			}
			for i := range got {
				if !bytes.Equal(got[i], packets[i]) {
					t.Errorf("IPv%d, protocol %d: another packet is number %d", version, protocol, i)
				}
			}
		}
	}
}

func FuzzAnyBatchCanBeJoined(f *testing.F) {
	s := &stream{version: 4, protocol: unix.IPPROTO_TCP}
	f.Add(s.packet([]byte("payload"), tcpACK), s.packet([]byte("payload"), tcpACK))
	f.Add([]byte{0x45}, []byte{0x60})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) == 0 || len(b) == 0 || len(a) > maxPacket || len(b) > maxPacket {
			t.Skip()
		}
		joined(t, buffersOf([][]byte{a, b, a}))
	})
}

func FuzzAnyReadIsCutOrRefused(f *testing.F) {
	s := &stream{version: 4, protocol: unix.IPPROTO_TCP}
	f.Add(joined(f, buffersOf([][]byte{s.packet([]byte("payload"), tcpACK), s.packet([]byte("payload"), tcpACK)}))[0])
	f.Add(make([]byte, virtioSize))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		r := newReader(nil, false, inflight.NewBatch(nil), func(string, ...any) {})
		const guard = 0xA5
		memory := make([]byte, 200)
		for i := range memory {
			memory[i] = guard
		}
		r.buffers, r.sizes, r.offset = [][]byte{memory[:150]}, make([]int, 1), headroom
		if r.take(bytes) == nil {
			for steps := 0; r.left.left() || r.single != nil; steps++ {
				if steps > maxPacket {
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
