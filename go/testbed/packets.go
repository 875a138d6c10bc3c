package testbed

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
)

// Headroom is where a packet begins in the engine's buffers.
const Headroom = 16

// A Stream makes the packets of one TCP or UDP flow as a sender with a fixed MTU would.
type Stream struct {
	Version, Protocol uint8
	Port              uint16
	Sequence          uint32
	ID                uint16
}

// Packet returns the next packet. Only TCP has flags.
func (s *Stream) Packet(payload []byte, flags uint8) []byte {
	ip, transport := inet.IPv4HeaderLength, inet.UDPHeaderLength
	if s.Version == 6 {
		ip = inet.IPv6HeaderLength
	}
	if s.Protocol == unix.IPPROTO_TCP {
		transport = inet.TCPHeaderLength + 12
	}
	p := make([]byte, ip+transport+len(payload))
	if s.Version == 4 {
		p[0], p[inet.IPv4TTL], p[inet.IPv4Protocol] = 0x45, 64, s.Protocol
		binary.BigEndian.PutUint16(p[inet.IPv4ID:], s.ID)
		copy(p[inet.IPv4Addresses:], []byte{192, 0, 2, 1, 192, 0, 2, 2})
	} else {
		p[0], p[inet.IPv6NextHeader], p[inet.IPv6HopLimit] = 0x60, s.Protocol, 64
		p[inet.IPv6Addresses+15], p[inet.IPv6Addresses+31] = 1, 2
	}
	inet.SetLength(p[:ip], len(p))
	t := p[ip:]
	binary.BigEndian.PutUint16(t, s.Port)
	binary.BigEndian.PutUint16(t[2:], 5201)
	if s.Protocol == unix.IPPROTO_TCP {
		binary.BigEndian.PutUint32(t[inet.TCPSequence:], s.Sequence)
		t[inet.TCPDataOffset], t[inet.TCPFlags] = byte(transport/4)<<4, flags
	} else {
		binary.BigEndian.PutUint16(t[inet.UDPLength:], uint16(len(t)))
	}
	copy(t[transport:], payload)
	checksum := inet.PseudoHeader(inet.Addresses(p), s.Protocol, len(t)).Add(t).Checksum()
	if checksum == 0 && s.Protocol == unix.IPPROTO_UDP {
		checksum = 0xffff
	}
	binary.BigEndian.PutUint16(t[inet.ChecksumAt(s.Protocol):], checksum)
	s.Sequence += uint32(len(payload))
	s.ID++
	return p
}

// TransportAt returns where the transport header of a packet without IP options begins.
func TransportAt(packet []byte) int {
	if packet[0]>>4 == 6 {
		return inet.IPv6HeaderLength
	}
	return inet.IPv4HeaderLength
}

// Buffers returns packets in buffers as the engine has them.
func Buffers(packets [][]byte) [][]byte {
	buffers := make([][]byte, len(packets))
	for i, p := range packets {
		buffers[i] = append(make([]byte, Headroom, Headroom+len(p)), p...)
	}
	return buffers
}
