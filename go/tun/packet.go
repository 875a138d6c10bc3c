package tun

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inflight"
)

// Header lengths and field offsets of IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293) and UDP (RFC 768), in bytes.
const (
	ipv4HeaderLength = 20 // without options
	ipv4TotalLength  = 2
	ipv4ID           = 4
	ipv4Fragment     = 6
	ipv4TTL          = 8
	ipv4Protocol     = 9
	ipv4Checksum     = 10
	ipv4Addresses    = 12
	ipv4Destination  = 16

	ipv6HeaderLength  = 40 // without extension headers
	ipv6PayloadLength = 4
	ipv6NextHeader    = 6
	ipv6HopLimit      = 7
	ipv6Addresses     = 8
	ipv6Destination   = 24

	tcpHeaderLength = 20 // without options
	tcpSequence     = 4
	tcpAcknowledged = 8
	tcpDataOffset   = 12
	tcpFlags        = 13
	tcpChecksum     = 16

	udpHeaderLength = 8
	udpLength       = 4
	udpChecksum     = 6
)

// TCP flags.
const (
	tcpFIN uint8 = 1 << 0
	tcpPSH uint8 = 1 << 3
	tcpACK uint8 = 1 << 4
	tcpECE uint8 = 1 << 6
	tcpCWR uint8 = 1 << 7
)

// Bits of the field at ipv4Fragment.
const (
	ipv4DontFragment   uint16 = 1 << 14
	ipv4FragmentOfMore uint16 = 1<<14 - 1 // "more fragments", and the offset
)

// ecnOf returns the ECN field of an IP packet.
func ecnOf(packet []byte) inflight.ECN {
	switch {
	case len(packet) >= ipv4HeaderLength && packet[0]>>4 == 4:
		return inflight.ECN(packet[1] & 3)
	case len(packet) >= ipv6HeaderLength && packet[0]>>4 == 6:
		return inflight.ECN(packet[1] >> 4 & 3)
	}
	return inflight.NotECT
}

// markCongestion marks an IP packet as having met congestion if its sender supports ECN. It leaves others unchanged,
// as kernel WireGuard does. RFC 6040 would drop them, but then a router that wrongly marks such packets would break
// paths that work.
func markCongestion(packet []byte) {
	if ecn := ecnOf(packet); ecn == inflight.NotECT || ecn == inflight.Congested {
		return
	}
	if packet[0]>>4 == 6 {
		packet[1] |= byte(inflight.Congested) << 4
		return
	}
	before := binary.BigEndian.Uint16(packet)
	packet[1] |= byte(inflight.Congested)
	checksum := ^binary.BigEndian.Uint16(packet[ipv4Checksum:])
	after := sum(0).add16(checksum).sub16(before).add16(binary.BigEndian.Uint16(packet))
	binary.BigEndian.PutUint16(packet[ipv4Checksum:], after.checksum())
}

// addresses returns the source and destination of an IP packet that is at least as long as its header.
func addresses(packet []byte) []byte {
	if packet[0]>>4 == 4 {
		return packet[ipv4Addresses : ipv4Addresses+2*4]
	}
	return packet[ipv6Addresses : ipv6Addresses+2*16]
}

// setLength sets the length field of an IP header for a packet of length bytes, and recomputes an IPv4 header's
// checksum. header is the IP header alone.
func setLength(header []byte, length int) {
	if header[0]>>4 != 4 {
		binary.BigEndian.PutUint16(header[ipv6PayloadLength:], uint16(length-ipv6HeaderLength))
		return
	}
	binary.BigEndian.PutUint16(header[ipv4TotalLength:], uint16(length))
	binary.BigEndian.PutUint16(header[ipv4Checksum:], 0)
	binary.BigEndian.PutUint16(header[ipv4Checksum:], sum(0).add(header).checksum())
}

// putChecksum writes the checksum of s at an offset in a transport header.
func putChecksum(transport []byte, at int, s sum) {
	checksum := s.checksum()
	if checksum == 0 && at == udpChecksum {
		checksum = 0xffff // 0 would mean that there is no checksum.
	}
	binary.BigEndian.PutUint16(transport[at:], checksum)
}

// checksumAt returns the offset of the checksum in a transport protocol's header.
func checksumAt(protocol uint8) int {
	if protocol == unix.IPPROTO_TCP {
		return tcpChecksum
	}
	return udpChecksum
}
