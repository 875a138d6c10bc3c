package tun

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var errMalformed = errors.New("malformed packet from the kernel")

// segments yields the segments of a packet that the kernel left whole (TSO4, TSO6, USO). The zero value has none.
// All that the kernel says about the packet is checked first.
type segments struct {
	packet   []byte // whole
	protocol uint8
	ip       int // length of the IP header with its options or extension headers
	headers  int // length of all headers
	size     int // payload bytes of each segment but the last
	at       int // where the next segment's payload begins

	// The sums of the headers without the fields in which segments differ. A segment's checksums are computed
	// from these: reading back what was just written in smaller pieces would stall the processor.
	ipSum        sum // of an IPv4 header, without length, ID and checksum
	transportSum sum // with the pseudo header, without any length, sequence number and flags
}

// cut returns the segments of packet, which must not change until the last one has been taken.
func cut(header virtioHeader, packet []byte) (segments, error) {
	s := segments{packet: packet, ip: int(header.checksumStart), size: int(header.segmentSize)}
	if len(packet) == 0 {
		return segments{}, fmt.Errorf("no bytes: %w", errMalformed)
	}
	version := packet[0] >> 4
	switch header.gsoType {
	case unix.VIRTIO_NET_HDR_GSO_TCPV4, unix.VIRTIO_NET_HDR_GSO_TCPV6:
		s.protocol = unix.IPPROTO_TCP
	case unix.VIRTIO_NET_HDR_GSO_UDP_L4:
		s.protocol = unix.IPPROTO_UDP
	default:
		return segments{}, fmt.Errorf("GSO type %d, which was not requested: %w", header.gsoType, errMalformed)
	}
	switch {
	case version == 4 && header.gsoType != unix.VIRTIO_NET_HDR_GSO_TCPV6:
		if s.ip < ipv4HeaderLength || s.ip != int(packet[0]&0xf)*4 {
			return segments{}, fmt.Errorf("transport header at %d of an IPv4 packet: %w", s.ip, errMalformed)
		}
	case version == 6 && header.gsoType != unix.VIRTIO_NET_HDR_GSO_TCPV4:
		if s.ip < ipv6HeaderLength {
			return segments{}, fmt.Errorf("transport header at %d of an IPv6 packet: %w", s.ip, errMalformed)
		}
	default:
		return segments{}, fmt.Errorf("GSO type %d of a packet of IP version %d: %w", header.gsoType, version, errMalformed)
	}
	if header.flags&unix.VIRTIO_NET_HDR_F_NEEDS_CSUM == 0 {
		return segments{}, fmt.Errorf("segments without a checksum to complete: %w", errMalformed)
	}
	if int(header.checksumOffset) != checksumAt(s.protocol) {
		return segments{}, fmt.Errorf("checksum at %d in a header of protocol %d: %w", header.checksumOffset, s.protocol, errMalformed)
	}
	// The virtio header's length may include the first segment's payload, so use the transport header's.
	transport := udpHeaderLength
	if s.protocol == unix.IPPROTO_TCP {
		if len(packet) < s.ip+tcpHeaderLength {
			return segments{}, fmt.Errorf("%d bytes with a TCP header at %d: %w", len(packet), s.ip, errMalformed)
		}
		transport = int(packet[s.ip+tcpDataOffset]>>4) * 4
		if transport < tcpHeaderLength {
			return segments{}, fmt.Errorf("TCP header of %d bytes: %w", transport, errMalformed)
		}
	}
	s.headers = s.ip + transport
	if len(packet) <= s.headers {
		return segments{}, fmt.Errorf("%d bytes, of which %d are headers: %w", len(packet), s.headers, errMalformed)
	}
	if s.size == 0 {
		return segments{}, fmt.Errorf("segments of no bytes: %w", errMalformed)
	}
	s.at = s.headers
	s.sumHeaders()
	return s, nil
}

// sumHeaders sums what all segments share. The kernel leaves the pseudo header's sum, with the length of the whole
// packet, in the checksum field. The addresses of the IP header could be wrong here: with a routing header (RFC 8200,
// section 8.1) or IPv4 source routing, the sum covers the final destination.
func (s *segments) sumHeaders() {
	ip, transport := s.packet[:s.ip], s.packet[s.ip:s.headers]
	if ip[0]>>4 == 4 {
		s.ipSum = sum(0).add(ip).
			sub16(binary.BigEndian.Uint16(ip[ipv4TotalLength:])).
			sub16(binary.BigEndian.Uint16(ip[ipv4ID:])).
			sub16(binary.BigEndian.Uint16(ip[ipv4Checksum:]))
	}
	s.transportSum = sum(0).add(transport).sub16(uint16(len(s.packet) - s.ip))
	if s.protocol == unix.IPPROTO_TCP {
		s.transportSum = s.transportSum.
			sub16(binary.BigEndian.Uint16(transport[tcpSequence:])).
			sub16(binary.BigEndian.Uint16(transport[tcpSequence+2:])).
			sub16(uint16(transport[tcpFlags]))
	} else {
		s.transportSum = s.transportSum.sub16(binary.BigEndian.Uint16(transport[udpLength:]))
	}
}

// left reports whether there is another segment.
func (s *segments) left() bool { return s.at < len(s.packet) }

// next writes the next segment to the beginning of to and returns its length. If it is longer than to, next skips
// it and returns 0.
func (s *segments) next(to []byte) int {
	payload := s.packet[s.at:min(s.at+s.size, len(s.packet))]
	before := s.at - s.headers // payload bytes in the segments before this one
	s.at += len(payload)

	length := s.headers + len(payload)
	if length > len(to) {
		return 0
	}
	to = to[:length]
	copy(to, s.packet[:s.headers])
	copy(to[s.headers:], payload)

	ip, transport := to[:s.ip], to[s.ip:]
	if s.packet[0]>>4 == 4 {
		id := binary.BigEndian.Uint16(s.packet[ipv4ID:]) + uint16(before/s.size)
		binary.BigEndian.PutUint16(ip[ipv4ID:], id)
		binary.BigEndian.PutUint16(ip[ipv4TotalLength:], uint16(length))
		binary.BigEndian.PutUint16(ip[ipv4Checksum:], s.ipSum.add16(uint16(length)).add16(id).checksum())
	} else {
		binary.BigEndian.PutUint16(ip[ipv6PayloadLength:], uint16(length-ipv6HeaderLength))
	}
	// The pseudo header's length has 32 bits, but a packet's length fits in 16.
	total := s.transportSum.add16(uint16(len(transport)))
	if s.protocol == unix.IPPROTO_TCP {
		sequence := binary.BigEndian.Uint32(s.packet[s.ip+tcpSequence:]) + uint32(before)
		binary.BigEndian.PutUint32(transport[tcpSequence:], sequence)
		flags := s.packet[s.ip+tcpFlags]
		if s.left() {
			flags &^= tcpFIN | tcpPSH
		}
		if before > 0 {
			flags &^= tcpCWR // Only the first segment has it (RFC 3168).
		}
		transport[tcpFlags] = flags
		total = total.add16(uint16(sequence >> 16)).add16(uint16(sequence)).add16(uint16(flags))
	} else {
		binary.BigEndian.PutUint16(transport[udpLength:], uint16(len(transport)))
		total = total.add16(uint16(len(transport)))
	}
	putChecksum(transport, checksumAt(s.protocol), total.add(payload))
	return length
}

// completeChecksum computes the checksum that the kernel left to the sender of the packet. The field holds the
// pseudo header's sum.
func completeChecksum(header virtioHeader, packet []byte) error {
	start, at := int(header.checksumStart), int(header.checksumOffset)
	if start+at+2 > len(packet) {
		return fmt.Errorf("checksum at %d of %d bytes: %w", start+at, len(packet), errMalformed)
	}
	transport := packet[start:]
	putChecksum(transport, at, sum(0).add(transport))
	return nil
}
