package aqm

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
)

const (
	protocolTCP = unix.IPPROTO_TCP
	protocolUDP = unix.IPPROTO_UDP
)

// A packet is a TCP segment or UDP datagram with its IP header.
type packet struct {
	ip        []byte // the IP header and all that follows it
	transport []byte // the TCP or UDP header and the payload
	protocol  uint8
}

// parse finds the headers of a packet. It knows neither fragments nor IPv6 extension headers: such packets pass.
func parse(bytes []byte) (p packet, ok bool) {
	if len(bytes) < inet.IPv4HeaderLength {
		return packet{}, false
	}
	var header, length int
	switch bytes[0] >> 4 {
	case 4:
		header, length = int(bytes[0]&0xf)*4, int(binary.BigEndian.Uint16(bytes[inet.IPv4TotalLength:]))
		if header < inet.IPv4HeaderLength ||
			binary.BigEndian.Uint16(bytes[inet.IPv4Fragment:])&inet.IPv4FragmentOfMore != 0 {
			return packet{}, false
		}
		p.protocol = bytes[inet.IPv4Protocol]
	case 6:
		if len(bytes) < inet.IPv6HeaderLength {
			return packet{}, false
		}
		header = inet.IPv6HeaderLength
		length = header + int(binary.BigEndian.Uint16(bytes[inet.IPv6PayloadLength:]))
		p.protocol = bytes[inet.IPv6NextHeader]
	default:
		return packet{}, false
	}
	if length > len(bytes) || header > length {
		return packet{}, false
	}
	p.ip, p.transport = bytes[:length], bytes[header:length]
	switch p.protocol {
	case protocolTCP:
		ok = len(p.transport) >= inet.TCPHeaderLength && p.tcpHeader() >= inet.TCPHeaderLength &&
			p.tcpHeader() <= len(p.transport)
	case protocolUDP:
		ok = len(p.transport) >= inet.UDPHeaderLength
	}
	return p, ok
}

// tcpHeader returns the length of the TCP header with its options.
func (p *packet) tcpHeader() int { return int(p.transport[inet.TCPDataOffset]>>4) * 4 }

// mayBeLost reports whether the loss of the packet slows its sender down and costs no more than that: not so of
// an acknowledgement alone, and of the beginning and end of a connection.
func (p *packet) mayBeLost() bool {
	if p.protocol == protocolUDP {
		return true
	}
	return len(p.transport) > p.tcpHeader() &&
		p.transport[inet.TCPFlags]&(inet.TCPSYN|inet.TCPFIN|inet.TCPRST) == 0
}

// timestamps returns the timestamp of a TCP segment, and the one that it echoes.
func (p *packet) timestamps() (value, echo uint32, ok bool) {
	option, ok := inet.TCPOptionOf(inet.TCPOptionTimestamps, p.transport[inet.TCPHeaderLength:p.tcpHeader()])
	if !ok || len(option) != 8 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(option), binary.BigEndian.Uint32(option[4:]), true
}
