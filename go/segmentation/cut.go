package segmentation

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
)

// ErrMalformed says that a packet, or what its sender said about it, makes no sense.
var ErrMalformed = errors.New("malformed packet")

// A Plan says how to cut a packet that its sender left whole.
type Plan struct {
	Kind           Kind
	TransportAt    int // where the transport header begins
	ChecksumOffset int // from there to the checksum field, which holds the pseudo header's sum
	Size           int // payload bytes of each segment but the last
}

// Segments yields the segments of a packet. The zero value has none.
type Segments struct {
	headers  []byte // of the whole packet
	protocol uint8
	ip       int // length of the IP header with its options or extension headers
	size     int // payload bytes of each segment but the last
	taken    int // payload bytes in the segments before the next one
	left     int // payload bytes from the next segment on
	payload  []byte
	more     [][]byte // what follows payload

	// The sums of the headers without the fields in which segments differ. A segment's checksums are computed
	// from these: reading back what was just written in smaller pieces would stall the processor.
	ipSum        inet.Sum // of an IPv4 header, without length, ID and checksum
	transportSum inet.Sum // with the pseudo header, without any length, sequence number and flags
}

// Cut returns the segments of a packet. The packet begins in first, which holds all its headers, and continues in
// more; neither may change until the last segment has been taken. Cut checks all that the plan says. A packet that
// fits into one segment has one.
func Cut(plan Plan, first []byte, more ...[]byte) (Segments, error) {
	length := len(first)
	for _, part := range more {
		length += len(part)
	}
	s := Segments{protocol: plan.Kind.protocol(), ip: plan.TransportAt, size: plan.Size, more: more}
	if len(first) == 0 {
		return Segments{}, fmt.Errorf("no bytes: %w", ErrMalformed)
	}
	version := first[0] >> 4
	switch {
	case version == 4 && plan.Kind != TCP6:
		if s.ip < inet.IPv4HeaderLength || s.ip != int(first[0]&0xf)*4 {
			return Segments{}, fmt.Errorf("transport header at %d of an IPv4 packet: %w", s.ip, ErrMalformed)
		}
	case version == 6 && plan.Kind != TCP4:
		if s.ip < inet.IPv6HeaderLength {
			return Segments{}, fmt.Errorf("transport header at %d of an IPv6 packet: %w", s.ip, ErrMalformed)
		}
	default:
		return Segments{}, fmt.Errorf("segments of %v in a packet of IP version %d: %w", plan.Kind, version, ErrMalformed)
	}
	if plan.ChecksumOffset != inet.ChecksumAt(s.protocol) {
		return Segments{}, fmt.Errorf("checksum at %d in a header of protocol %d: %w", plan.ChecksumOffset, s.protocol, ErrMalformed)
	}
	transport := inet.UDPHeaderLength
	if s.protocol == unix.IPPROTO_TCP {
		if len(first) < s.ip+inet.TCPHeaderLength {
			return Segments{}, fmt.Errorf("%d bytes with a TCP header at %d: %w", len(first), s.ip, ErrMalformed)
		}
		transport = int(first[s.ip+inet.TCPDataOffset]>>4) * 4
		if transport < inet.TCPHeaderLength {
			return Segments{}, fmt.Errorf("TCP header of %d bytes: %w", transport, ErrMalformed)
		}
	}
	headers := s.ip + transport
	if len(first) < headers || length <= headers {
		return Segments{}, fmt.Errorf("%d bytes, of which %d are headers: %w", length, headers, ErrMalformed)
	}
	if length > inet.MaxPacket {
		return Segments{}, fmt.Errorf("%d bytes: %w", length, ErrMalformed)
	}
	if s.size <= 0 {
		return Segments{}, fmt.Errorf("segments of %d bytes: %w", s.size, ErrMalformed)
	}
	s.headers, s.payload, s.left = first[:headers], first[headers:], length-headers
	s.sumHeaders(length)
	return s, nil
}

// sumHeaders sums what all segments of a packet of length bytes share. The sender left the pseudo header's sum, with
// the length of the whole packet, in the checksum field. The addresses of the IP header could be wrong here: with a
// routing header (RFC 8200, section 8.1) or IPv4 source routing, the sum covers the final destination.
func (s *Segments) sumHeaders(length int) {
	ip, transport := s.headers[:s.ip], s.headers[s.ip:]
	if ip[0]>>4 == 4 {
		s.ipSum = inet.Sum(0).Add(ip).
			Sub16(binary.BigEndian.Uint16(ip[inet.IPv4TotalLength:])).
			Sub16(binary.BigEndian.Uint16(ip[inet.IPv4ID:])).
			Sub16(binary.BigEndian.Uint16(ip[inet.IPv4Checksum:]))
	}
	s.transportSum = inet.Sum(0).Add(transport).Sub16(uint16(length - s.ip))
	if s.protocol == unix.IPPROTO_TCP {
		s.transportSum = s.transportSum.
			Sub16(binary.BigEndian.Uint16(transport[inet.TCPSequence:])).
			Sub16(binary.BigEndian.Uint16(transport[inet.TCPSequence+2:])).
			Sub16(uint16(transport[inet.TCPFlags]))
	} else {
		s.transportSum = s.transportSum.Sub16(binary.BigEndian.Uint16(transport[inet.UDPLength:]))
	}
}

// Left reports whether there is another segment.
func (s *Segments) Left() bool { return s.left > 0 }

// Next writes the next segment to the beginning of to and returns its length. If it is longer than to, Next skips
// it and returns 0.
func (s *Segments) Next(to []byte) int {
	before, payload := s.taken, min(s.size, s.left)
	s.taken += payload
	s.left -= payload

	headers := len(s.headers)
	length := headers + payload
	if length > len(to) {
		s.skip(payload)
		return 0
	}
	to = to[:length]
	copy(to, s.headers)
	covered := s.copy(to[headers:])

	ip, transport := to[:s.ip], to[s.ip:]
	if s.headers[0]>>4 == 4 {
		id := binary.BigEndian.Uint16(s.headers[inet.IPv4ID:]) + uint16(before/s.size)
		binary.BigEndian.PutUint16(ip[inet.IPv4ID:], id)
		binary.BigEndian.PutUint16(ip[inet.IPv4TotalLength:], uint16(length))
		binary.BigEndian.PutUint16(ip[inet.IPv4Checksum:], s.ipSum.Add16(uint16(length)).Add16(id).Checksum())
	} else {
		binary.BigEndian.PutUint16(ip[inet.IPv6PayloadLength:], uint16(length-inet.IPv6HeaderLength))
	}
	// The pseudo header's length has 32 bits, but a packet's length fits in 16.
	total := s.transportSum.Add16(uint16(len(transport)))
	if s.protocol == unix.IPPROTO_TCP {
		sequence := binary.BigEndian.Uint32(s.headers[s.ip+inet.TCPSequence:]) + uint32(before)
		binary.BigEndian.PutUint32(transport[inet.TCPSequence:], sequence)
		flags := s.headers[s.ip+inet.TCPFlags]
		if s.Left() {
			flags &^= inet.TCPFIN | inet.TCPPSH
		}
		if before > 0 {
			flags &^= inet.TCPCWR // Only the first segment has it (RFC 3168).
		}
		transport[inet.TCPFlags] = flags
		total = total.Add16(uint16(sequence >> 16)).Add16(uint16(sequence)).Add16(uint16(flags))
	} else {
		binary.BigEndian.PutUint16(transport[inet.UDPLength:], uint16(len(transport)))
		total = total.Add16(uint16(len(transport)))
	}
	inet.PutChecksum(transport, inet.ChecksumAt(s.protocol), total.Add(covered))
	return length
}

// copy moves the next len(to) bytes of the payload to to. It returns a slice that holds them.
func (s *Segments) copy(to []byte) []byte {
	if len(to) <= len(s.payload) {
		bytes := s.payload[:len(to)]
		s.payload = s.payload[len(to):]
		copy(to, bytes)
		return bytes
	}
	for at := 0; at < len(to); {
		n := copy(to[at:], s.payload)
		s.payload = s.payload[n:]
		if at += n; len(s.payload) == 0 && len(s.more) > 0 {
			s.payload, s.more = s.more[0], s.more[1:]
		}
	}
	return to
}

// skip drops the next bytes of the payload.
func (s *Segments) skip(bytes int) {
	for bytes > len(s.payload) {
		bytes -= len(s.payload)
		s.payload, s.more = s.more[0], s.more[1:]
	}
	s.payload = s.payload[bytes:]
}

// CompleteChecksum computes the checksum that the sender of a packet left to its receiver. It covers the packet from
// start to its end; its field, offset bytes after start, holds the pseudo header's sum.
func CompleteChecksum(packet []byte, start, offset int) error {
	if start < 0 || offset < 0 || start+offset+2 > len(packet) {
		return fmt.Errorf("checksum at %d of %d bytes: %w", start+offset, len(packet), ErrMalformed)
	}
	transport := packet[start:]
	inet.PutChecksum(transport, offset, inet.Sum(0).Add(transport))
	return nil
}
