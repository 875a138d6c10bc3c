package segmentation

import (
	"bytes"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

func FuzzAnyPacketIsCutOrRefused(f *testing.F) {
	for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
		for _, version := range []uint8{4, 6} {
			s := &testbed.Stream{Version: version, Protocol: protocol}
			one := joined(testbed.Buffers([][]byte{s.Packet([]byte("payload"), inet.TCPACK), s.Packet([]byte("payload"), inet.TCPACK)}))[0]
			f.Add(uint8(one.plan.Kind), one.plan.TransportAt, one.plan.ChecksumOffset, one.plan.Size, bytes.Join(one.parts, nil), len(one.parts[0]))
		}
	}
	f.Add(uint8(0), 0, 0, 0, []byte{}, 0)
	f.Fuzz(func(t *testing.T, kind uint8, transport, checksum, size int, packet []byte, at int) {
		plan := Plan{Kind: Kind(kind % uint8(Kinds)), TransportAt: transport, ChecksumOffset: checksum, Size: size}
		const guard, room = 0xA5, 150
		memory := bytes.Repeat([]byte{guard}, room+50)
		cut := func(first []byte, more ...[]byte) (all [][]byte) {
			s, err := Cut(plan, first, more...)
			if err != nil {
				return nil
			}
			for steps := 0; s.Left(); steps++ {
				if steps > inet.MaxPacket {
					t.Fatal("never ends")
				}
				all = append(all, bytes.Clone(memory[:s.Next(memory[:room])]))
			}
			return all
		}
		all := cut(packet)
		if at >= 0 && at <= len(packet) {
			// Headers must be in one piece, so this may be refused where the other is not.
			if parts := cut(packet[:at], packet[at:], nil); parts != nil && !slices.EqualFunc(all, parts, bytes.Equal) {
				t.Errorf("in two pieces: %x, in one: %x", parts, all)
			}
		}
		for _, b := range memory[room:] {
			if b != guard {
				t.Fatal("wrote behind the buffer")
			}
		}
	})
}

func FuzzAnyChecksumIsCompletedOrRefused(f *testing.F) {
	f.Add([]byte("some bytes"), 2, 4)
	f.Add([]byte{}, 0, 0)
	f.Fuzz(func(t *testing.T, packet []byte, start, offset int) {
		_ = CompleteChecksum(packet, start, offset)
	})
}

func TestCutRefusesPlansThatMakeNoSense(t *testing.T) {
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	packet := s.Packet(make([]byte, 500), inet.TCPACK)
	right := Plan{Kind: TCP4, TransportAt: inet.IPv4HeaderLength, ChecksumOffset: inet.TCPChecksum, Size: 100}
	if got := len(cutAll(t, right, packet)); got != 5 {
		t.Fatalf("%d segments, want 5", got)
	}
	for name, change := range map[string]func(*Plan){
		"another IP version": func(p *Plan) { p.Kind = TCP6 },
		"another protocol":   func(p *Plan) { p.Kind = UDP },
		"no size":            func(p *Plan) { p.Size = 0 },
		"a negative size":    func(p *Plan) { p.Size = -1 },
		"a wrong transport":  func(p *Plan) { p.TransportAt += 4 },
		"a wrong checksum":   func(p *Plan) { p.ChecksumOffset++ },
	} {
		plan := right
		change(&plan)
		if _, err := Cut(plan, packet); err == nil {
			t.Errorf("cut with %s", name)
		}
	}
	if _, err := Cut(right, packet[:30], packet[30:]); err == nil {
		t.Error("cut with headers in two pieces")
	}
	if _, err := Cut(right, packet[:len(packet)-500]); err == nil {
		t.Error("cut without payload")
	}
}
