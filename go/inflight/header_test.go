package inflight

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

// setECN sets the ECN field of an intact packet, and keeps it intact.
func setECN(packet []byte, ecn ECN) {
	if packet[0]>>4 == 6 {
		packet[1] = packet[1]&^0x30 | byte(ecn)<<4
		return
	}
	packet[1] = packet[1]&^3 | byte(ecn)
	inet.SetLength(packet[:inet.IPv4HeaderLength], len(packet))
}

func TestOnlyPacketsOfATransportThatSupportsItAreMarked(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		for ecn, want := range []ECN{NotECT, Congested, Congested, Congested} {
			s := &testbed.Stream{Version: version, Protocol: unix.IPPROTO_UDP}
			packet := s.Packet(make([]byte, 100), 0)
			setECN(packet, ECN(ecn))
			others := packet[1] &^ 3
			if version == 6 {
				others = packet[1] &^ 0x30
			}
			MarkCongestion(packet)
			if got := ECNOf(packet); got != want {
				t.Errorf("IPv%d: %02b becomes %02b, want %02b", version, ecn, got, want)
			}
			if version == 4 && inet.Sum(0).Add(packet[:inet.IPv4HeaderLength]).Folded() != 0xffff {
				t.Errorf("the header's checksum %#x is wrong", binary.BigEndian.Uint16(packet[inet.IPv4Checksum:]))
			}
			if version == 4 && packet[1]&^3 != others || version == 6 && packet[1]&^0x30 != others {
				t.Errorf("IPv%d: other bits were changed", version)
			}
		}
	}
}

func TestOnlyIPPacketsAreMarked(t *testing.T) {
	for _, bytes := range [][]byte{nil, {0x45}, make([]byte, 40)} {
		MarkCongestion(bytes)
		for _, b := range bytes {
			if b != 0 && b != 0x45 {
				t.Errorf("%x was changed", bytes)
			}
		}
	}
}
