package segmentation

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

// A whole is what a stack receives for a run.
type whole struct {
	plan   Plan // if it was joined from several packets
	joined bool
	parts  [][]byte
}

// newJoiner returns a joiner of all kinds.
func newJoiner() *Joiner { return &Joiner{Joins: [...]bool{TCP4: true, TCP6: true, UDP: true}} }

func joined(buffers [][]byte) (all []whole) {
	j := newJoiner()
	j.Join(buffers, testbed.Headroom)
	for i := range j.Runs {
		r := &j.Runs[i]
		first := buffers[r.First][testbed.Headroom:]
		one := whole{parts: [][]byte{first}}
		if r.Count > 1 {
			r.JoinHeaders(first)
			one.plan, one.joined = r.Plan(), true
			for next := j.Next[r.First]; next >= 0; next = j.Next[next] {
				one.parts = append(one.parts, buffers[next][testbed.Headroom+r.Headers():])
			}
		}
		all = append(all, one)
	}
	return all
}

// separated cuts what was joined: first all bytes in one piece, then in the pieces in which they came.
func separated(t testing.TB, all []whole) (packets [][]byte) {
	t.Helper()
	for _, one := range all {
		if !one.joined {
			packets = append(packets, one.parts[0])
			continue
		}
		before := len(packets)
		packets = append(packets, cutAll(t, one.plan, bytes.Join(one.parts, nil))...)
		for i, packet := range cutAll(t, one.plan, one.parts[0], one.parts[1:]...) {
			if before+i >= len(packets) || !bytes.Equal(packet, packets[before+i]) {
				t.Errorf("segment %d depends on the pieces in which the packet is", i)
			}
		}
	}
	return packets
}

func cutAll(t testing.TB, plan Plan, first []byte, more ...[]byte) (packets [][]byte) {
	t.Helper()
	s, err := Cut(plan, first, more...)
	if err != nil {
		t.Fatal(err)
	}
	for s.Left() {
		to := make([]byte, inet.MaxPacket)
		packets = append(packets, to[:s.Next(to)])
	}
	return packets
}

func TestSegmentingJoinedPacketsRestoresThem(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			for range 50 {
				s := &testbed.Stream{Version: version, Protocol: protocol, Port: 1, Sequence: random.Uint32(), ID: uint16(random.Uint32())}
				size, count := 1+random.IntN(1400), 2+random.IntN(100)
				var packets [][]byte
				for i := range count {
					flags := inet.TCPACK
					if random.IntN(8) == 0 {
						flags |= inet.TCPPSH
					}
					length := size
					if i%7 == 6 {
						length = 1 + random.IntN(size)
					}
					payload := make([]byte, length)
					for j := range payload {
						payload[j] = byte(random.Uint32())
					}
					packets = append(packets, s.Packet(payload, flags))
				}
				written := joined(testbed.Buffers(packets))
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

func TestPacketsThatCuttingWouldNotRestoreAreNotJoined(t *testing.T) {
	payload := bytes.Repeat([]byte{7}, 100)
	for name, change := range map[string]func(packet []byte){
		"a wrong checksum":       func(p []byte) { p[len(p)-1]++ },
		"another ECN mark":       func(p []byte) { p[1] ^= 3; inet.SetLength(p[:inet.IPv4HeaderLength], len(p)) },
		"another TTL":            func(p []byte) { p[inet.IPv4TTL]--; inet.SetLength(p[:inet.IPv4HeaderLength], len(p)) },
		"a fragment":             func(p []byte) { p[inet.IPv4Fragment] |= 0x20; inet.SetLength(p[:inet.IPv4HeaderLength], len(p)) },
		"an ID out of turn":      func(p []byte) { p[inet.IPv4ID]++; inet.SetLength(p[:inet.IPv4HeaderLength], len(p)) },
		"a wrong header sum":     func(p []byte) { p[inet.IPv4Checksum]++ },
		"a length that is a lie": func(p []byte) { p[inet.IPv4TotalLength+1]-- },
	} {
		for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			s := &testbed.Stream{Version: 4, Protocol: protocol}
			packets := [][]byte{s.Packet(payload, inet.TCPACK), s.Packet(payload, inet.TCPACK)}
			if written := joined(testbed.Buffers(packets)); len(written) != 1 {
				t.Fatal("two packets in order are not joined")
			}
			change(packets[1])
			if written := joined(testbed.Buffers(packets)); len(written) != 2 {
				t.Errorf("protocol %d: joined with %s", protocol, name)
			}
		}
	}
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_UDP}
	fragments := [][]byte{s.Packet(payload, 0), s.Packet(payload, 0)}
	for _, p := range fragments {
		p[inet.IPv4Fragment] |= 0x20
		inet.SetLength(p[:inet.IPv4HeaderLength], len(p))
	}
	if written := joined(testbed.Buffers(fragments)); len(written) != 2 {
		t.Error("joined two first fragments")
	}
	s = &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	if written := joined(testbed.Buffers([][]byte{s.Packet(payload, inet.TCPACK), s.Packet(payload, inet.TCPACK|inet.TCPCWR)})); len(written) != 2 {
		t.Error("joined with CWR set")
	}
}

func TestNoPacketOvertakesOneOfItsFlowThatCannotBeJoined(t *testing.T) {
	payload := bytes.Repeat([]byte{7}, 100)
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			s := &testbed.Stream{Version: version, Protocol: protocol}
			packets := [][]byte{s.Packet(payload, inet.TCPACK), s.Packet(nil, inet.TCPACK), s.Packet(payload, inet.TCPACK)}
			got := separated(t, joined(testbed.Buffers(packets)))
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

func TestIntactTellsRightFromWrongAndUnknown(t *testing.T) {
	payload := bytes.Repeat([]byte{7}, 100)
	verdict := func(packet []byte) (right, known bool) {
		j := newJoiner()
		j.Join(testbed.Buffers([][]byte{packet}), testbed.Headroom)
		return j.Runs[0].Intact(packet)
	}
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			s := &testbed.Stream{Version: version, Protocol: protocol}
			for _, flags := range []uint8{inet.TCPACK, inet.TCPFIN} {
				packet := s.Packet(payload, flags)
				if right, known := verdict(packet); !right || !known {
					t.Errorf("IPv%d, protocol %d, flags %x: right %t, known %t", version, protocol, flags, right, known)
				}
				packet[len(packet)-1]++
				if right, known := verdict(packet); right || !known {
					t.Errorf("IPv%d, protocol %d, flags %x, wrong: right %t, known %t", version, protocol, flags, right, known)
				}
			}
		}
	}
	fragment := (&testbed.Stream{Version: 4, Protocol: unix.IPPROTO_UDP}).Packet(payload, 0)
	fragment[inet.IPv4Fragment] |= 0x20
	inet.SetLength(fragment[:inet.IPv4HeaderLength], len(fragment))
	unsummed := (&testbed.Stream{Version: 4, Protocol: unix.IPPROTO_UDP}).Packet(payload, 0)
	binary.BigEndian.PutUint16(unsummed[inet.IPv4HeaderLength+inet.UDPChecksum:], 0)
	padded := (&testbed.Stream{Version: 4, Protocol: unix.IPPROTO_UDP}).Packet(payload, 0)
	padded = append(padded, 0)
	message := (&testbed.Stream{Version: 6, Protocol: unix.IPPROTO_ICMPV6}).Packet(payload, 0)
	for name, packet := range map[string][]byte{"a fragment": fragment, "no checksum": unsummed, "padding": padded, "ICMP": message, "nothing": nil} {
		if _, known := verdict(packet); known {
			t.Errorf("%s has a checksum that is known", name)
		}
	}
}

func TestAJoinedRunIsIntact(t *testing.T) {
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	buffers := testbed.Buffers([][]byte{s.Packet(make([]byte, 100), inet.TCPACK), s.Packet(make([]byte, 100), inet.TCPACK)})
	j := newJoiner()
	j.Join(buffers, testbed.Headroom)
	first := buffers[0][testbed.Headroom:]
	j.Runs[0].JoinHeaders(first)
	if right, known := j.Runs[0].Intact(first); j.Runs[0].Count != 2 || !right || !known {
		t.Errorf("%d packets: right %t, known %t", j.Runs[0].Count, right, known)
	}
}

func FuzzAnyBatchCanBeJoined(f *testing.F) {
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	f.Add(s.Packet([]byte("payload"), inet.TCPACK), s.Packet([]byte("payload"), inet.TCPACK))
	f.Add([]byte{0x45}, []byte{0x60})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) == 0 || len(b) == 0 || len(a) > inet.MaxPacket || len(b) > inet.MaxPacket {
			t.Skip()
		}
		joined(testbed.Buffers([][]byte{a, b, a}))
	})
}
