package tun

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inflight"
)

// Where the fields of IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293) and UDP (RFC 768) begin, and
// how long their headers are, in bytes.
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

// Flags of TCP.
const (
	tcpFIN uint8 = 1 << 0
	tcpPSH uint8 = 1 << 3
	tcpACK uint8 = 1 << 4
	tcpECE uint8 = 1 << 6
	tcpCWR uint8 = 1 << 7
)

// Of the field ipv4Fragment.
const (
	ipv4DontFragment   uint16 = 1 << 14
	ipv4FragmentOfMore uint16 = 1<<14 - 1 // more fragments, or an offset
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

// markCongestion marks an IP packet whose sender supports ECN as one that has met congestion. Others stay
// as they are, as kernel WireGuard leaves them, though RFC 6040 would have them dropped: what marked them
// is at fault, and many such paths work.
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

// addresses are the source and destination of an IP packet that is at least a header long.
func addresses(packet []byte) []byte {
	if packet[0]>>4 == 4 {
		return packet[ipv4Addresses : ipv4Addresses+2*4]
	}
	return packet[ipv6Addresses : ipv6Addresses+2*16]
}

// setLength sets an IP header's length field to that of a packet of length bytes, and makes an IPv4
// header's checksum anew. header is the IP header alone.
func setLength(header []byte, length int) {
	if header[0]>>4 != 4 {
		binary.BigEndian.PutUint16(header[ipv6PayloadLength:], uint16(length-ipv6HeaderLength))
		return
	}
	binary.BigEndian.PutUint16(header[ipv4TotalLength:], uint16(length))
	binary.BigEndian.PutUint16(header[ipv4Checksum:], 0)
	binary.BigEndian.PutUint16(header[ipv4Checksum:], sum(0).add(header).checksum())
}

// putChecksum writes the checksum that s has come to at its place in a transport header.
func putChecksum(transport []byte, at int, s sum) {
	checksum := s.checksum()
	if checksum == 0 && at == udpChecksum {
		checksum = 0xffff // 0 would say that there is none.
	}
	binary.BigEndian.PutUint16(transport[at:], checksum)
}

// checksumAt is where a transport protocol's checksum is, from the beginning of its header.
func checksumAt(protocol uint8) int {
	if protocol == unix.IPPROTO_TCP {
		return tcpChecksum
	}
	return udpChecksum
}
