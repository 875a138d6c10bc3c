package tun

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inflight"
	"wg-bridge/go/testbed"
)

// setECN sets the ECN field of an intact packet, and keeps it intact.
func setECN(packet []byte, ecn inflight.ECN) {
	if packet[0]>>4 == 6 {
		packet[1] = packet[1]&^0x30 | byte(ecn)<<4
		return
	}
	packet[1] = packet[1]&^3 | byte(ecn)
	setLength(packet[:ipv4HeaderLength], len(packet))
}

func TestOnlyPacketsOfATransportThatSupportsItAreMarked(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		for ecn, want := range []inflight.ECN{inflight.NotECT, inflight.Congested, inflight.Congested, inflight.Congested} {
			s := &stream{version: version, protocol: unix.IPPROTO_UDP}
			packet := s.packet(make([]byte, 100), 0)
			setECN(packet, inflight.ECN(ecn))
			others := packet[1] &^ 3
			if version == 6 {
				others = packet[1] &^ 0x30
			}
			markCongestion(packet)
			if got := ecnOf(packet); got != want {
				t.Errorf("IPv%d: %02b becomes %02b, want %02b", version, ecn, got, want)
			}
			if version == 4 && sum(0).add(packet[:ipv4HeaderLength]).folded() != 0xffff {
				t.Errorf("the header's checksum %#x is wrong", binary.BigEndian.Uint16(packet[ipv4Checksum:]))
			}
			if version == 4 && packet[1]&^3 != others || version == 6 && packet[1]&^0x30 != others {
				t.Errorf("IPv%d: other bits were changed", version)
			}
		}
	}
}

func TestOnlyIPPacketsAreMarked(t *testing.T) {
	for _, bytes := range [][]byte{nil, {0x45}, make([]byte, 40)} {
		markCongestion(bytes)
		for _, b := range bytes {
			if b != 0 && b != 0x45 {
				t.Errorf("%x was changed", bytes)
			}
		}
	}
}

func TestAPacketIsWrittenWithTheMarkOfItsDatagram(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newDevice(t, "wgdc")
	inbound := inflight.NewInbound(10)
	device.writer.inbound = inbound
	testbed.Run(t, "ip", "link", "set", "wgdc", "up")
	s := &stream{version: 4, protocol: unix.IPPROTO_TCP}
	packets := [][]byte{s.packet(make([]byte, 100), tcpACK), s.packet(make([]byte, 100), tcpACK)}
	for _, packet := range packets {
		setECN(packet, 2)
	}
	buffers := make([][]byte, len(packets))
	for i, packet := range packets {
		buffers[i] = make([]byte, 1<<16) // as large as the engine's, which are recognised by their addresses
		buffers[i] = buffers[i][:headroom+copy(buffers[i][headroom:], packet)]
	}
	inbound.Enter(buffers, make([]int, 2), []inflight.ECN{inflight.Congested, 2})
	if n, err := device.Write(buffers, headroom); n != 2 || err != nil {
		t.Fatalf("wrote %d packets: %v", n, err)
	}
	for n, want := range []inflight.ECN{inflight.Congested, 2} {
		if got := ecnOf(buffers[n][headroom:]); got != want {
			t.Errorf("packet %d has the mark %02b, want %02b", n, got, want)
		}
	}
	if len(device.writer.coalescer.runs) != 2 {
		t.Error("packets of different marks were joined")
	}
}
