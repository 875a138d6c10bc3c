package tun

import (
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
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
	inet.SetLength(packet[:inet.IPv4HeaderLength], len(packet))
}

func TestAPacketIsWrittenWithTheMarkOfItsDatagram(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newDevice(t, "wgdc")
	inbound := inflight.NewInbound(10)
	device.writer.inbound = inbound
	testbed.Run(t, "ip", "link", "set", "wgdc", "up")
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	packets := [][]byte{s.Packet(make([]byte, 100), inet.TCPACK), s.Packet(make([]byte, 100), inet.TCPACK)}
	for _, packet := range packets {
		setECN(packet, 2)
	}
	buffers := make([][]byte, len(packets))
	for i, packet := range packets {
		buffers[i] = make([]byte, 1<<16) // as large as the engine's, which are recognised by their addresses
		buffers[i] = buffers[i][:testbed.Headroom+copy(buffers[i][testbed.Headroom:], packet)]
	}
	inbound.Enter(buffers, make([]int, 2), []inflight.ECN{inflight.Congested, 2}, make([]inflight.Wait, 2))
	if n, err := device.Write(buffers, testbed.Headroom); n != 2 || err != nil {
		t.Fatalf("wrote %d packets: %v", n, err)
	}
	for n, want := range []inflight.ECN{inflight.Congested, 2} {
		if got := inflight.ECNOf(buffers[n][testbed.Headroom:]); got != want {
			t.Errorf("packet %d has the mark %02b, want %02b", n, got, want)
		}
	}
	if len(device.writer.joiner.Runs) != 2 {
		t.Error("packets of different marks were joined")
	}
}
