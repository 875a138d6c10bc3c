// Package inet holds the layout of internet packets: where the fields of their headers are, and their checksums.
package inet

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// MaxPacket is the maximum length of an IP packet in bytes: what fits in IPv4's length field.
const MaxPacket = 65535

// Header lengths and field offsets of IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293) and UDP (RFC 768), in bytes.
const (
	IPv4HeaderLength = 20 // without options
	IPv4TotalLength  = 2
	IPv4ID           = 4
	IPv4Fragment     = 6
	IPv4TTL          = 8
	IPv4Protocol     = 9
	IPv4Checksum     = 10
	IPv4Addresses    = 12
	IPv4Destination  = 16

	IPv6HeaderLength  = 40 // without extension headers
	IPv6PayloadLength = 4
	IPv6NextHeader    = 6
	IPv6HopLimit      = 7
	IPv6Addresses     = 8
	IPv6Destination   = 24

	TCPHeaderLength = 20 // without options
	TCPSequence     = 4
	TCPAcknowledged = 8
	TCPDataOffset   = 12
	TCPFlags        = 13
	TCPChecksum     = 16

	UDPHeaderLength = 8
	UDPLength       = 4
	UDPChecksum     = 6
)

// TCP flags.
const (
	TCPFIN uint8 = 1 << 0
	TCPSYN uint8 = 1 << 1
	TCPRST uint8 = 1 << 2
	TCPPSH uint8 = 1 << 3
	TCPACK uint8 = 1 << 4
	TCPECE uint8 = 1 << 6
	TCPCWR uint8 = 1 << 7
)

// Bits of the field at IPv4Fragment.
const (
	IPv4DontFragment   uint16 = 1 << 14
	IPv4FragmentOfMore uint16 = 1<<14 - 1 // "more fragments", and the offset
)

// Addresses returns the source and destination of an IP packet that is at least as long as its header.
func Addresses(packet []byte) []byte {
	if packet[0]>>4 == 4 {
		return packet[IPv4Addresses : IPv4Addresses+2*4]
	}
	return packet[IPv6Addresses : IPv6Addresses+2*16]
}

// SequenceAfter reports whether a TCP sequence number comes after another one. They wrap around.
func SequenceAfter(a, b uint32) bool { return int32(a-b) > 0 }

// SetLength sets the length field of an IP header for a packet of length bytes, and recomputes an IPv4 header's
// checksum. header is the IP header alone.
func SetLength(header []byte, length int) {
	if header[0]>>4 != 4 {
		binary.BigEndian.PutUint16(header[IPv6PayloadLength:], uint16(length-IPv6HeaderLength))
		return
	}
	binary.BigEndian.PutUint16(header[IPv4TotalLength:], uint16(length))
	binary.BigEndian.PutUint16(header[IPv4Checksum:], 0)
	binary.BigEndian.PutUint16(header[IPv4Checksum:], Sum(0).Add(header).Checksum())
}

// PutChecksum writes the checksum of s at an offset in a transport header.
func PutChecksum(transport []byte, at int, s Sum) {
	checksum := s.Checksum()
	if checksum == 0 && at == UDPChecksum {
		checksum = 0xffff // 0 would mean that there is no checksum.
	}
	binary.BigEndian.PutUint16(transport[at:], checksum)
}

// ChecksumAt returns the offset of the checksum in a transport protocol's header.
func ChecksumAt(protocol uint8) int {
	if protocol == unix.IPPROTO_TCP {
		return TCPChecksum
	}
	return UDPChecksum
}
