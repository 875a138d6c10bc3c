package inflight

import (
	"encoding/binary"

	"wg-bridge/go/inet"
)

// DestinationOf returns the destination of a packet, or zeros if it is not an IP packet.
func DestinationOf(packet []byte) (destination Destination) {
	switch {
	case len(packet) >= inet.IPv4HeaderLength && packet[0]>>4 == 4:
		copy(destination[:], packet[inet.IPv4Destination:inet.IPv4HeaderLength])
	case len(packet) >= inet.IPv6HeaderLength && packet[0]>>4 == 6:
		copy(destination[:], packet[inet.IPv6Destination:inet.IPv6HeaderLength])
	}
	return destination
}

// ECNOf returns the ECN field of an IP packet.
func ECNOf(packet []byte) ECN {
	switch {
	case len(packet) >= inet.IPv4HeaderLength && packet[0]>>4 == 4:
		return ECN(packet[1] & 3)
	case len(packet) >= inet.IPv6HeaderLength && packet[0]>>4 == 6:
		return ECN(packet[1] >> 4 & 3)
	}
	return NotECT
}

// MarkCongestion marks an IP packet as having met congestion if its sender supports ECN. It leaves others unchanged,
// as kernel WireGuard does. RFC 6040 would drop them, but then a router that wrongly marks such packets would break
// paths that work.
func MarkCongestion(packet []byte) {
	if ecn := ECNOf(packet); ecn == NotECT || ecn == Congested {
		return
	}
	if packet[0]>>4 == 6 {
		packet[1] |= byte(Congested) << 4
		return
	}
	before := binary.BigEndian.Uint16(packet)
	packet[1] |= byte(Congested)
	checksum := ^binary.BigEndian.Uint16(packet[inet.IPv4Checksum:])
	after := inet.Sum(0).Add16(checksum).Sub16(before).Add16(binary.BigEndian.Uint16(packet))
	binary.BigEndian.PutUint16(packet[inet.IPv4Checksum:], after.Checksum())
}
