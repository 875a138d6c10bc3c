package aqm

import (
	"encoding/binary"
	"slices"
	"testing"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

// stamped returns a TCP segment with timestamps.
func stamped(s *testbed.Stream, payload int, flags uint8, value, echo uint32) []byte {
	segment := s.Packet(make([]byte, payload), flags)
	options := segment[testbed.TransportAt(segment)+inet.TCPHeaderLength:]
	copy(options, []byte{1, 1, byte(inet.TCPOptionTimestamps), 10})
	binary.BigEndian.PutUint32(options[4:], value)
	binary.BigEndian.PutUint32(options[8:], echo)
	return segment
}

// reversed returns the packet with source and destination exchanged.
func reversed(bytes []byte) []byte {
	bytes = slices.Clone(bytes)
	p, _ := parse(bytes)
	addresses, n := inet.Addresses(bytes), len(inet.Addresses(bytes))/2
	copy(addresses, slices.Concat(addresses[n:], addresses[:n]))
	copy(p.transport, slices.Concat(p.transport[2:4], p.transport[:2]))
	return bytes
}

func TestSegmentsAndDatagramsAreParsed(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{protocolTCP, protocolUDP} {
			s := testbed.Stream{Version: version, Protocol: protocol}
			bytes := s.Packet([]byte("payload"), inet.TCPACK)
			padded := append(slices.Clone(bytes), 0, 0, 0)
			if p, ok := parse(padded); !ok || p.protocol != protocol || len(p.ip) != len(bytes) ||
				string(p.transport[len(p.transport)-7:]) != "payload" {
				t.Errorf("IPv%d, protocol %d: %+v, %v", version, protocol, p, ok)
			}
		}
	}
}

func TestWhatIsNoWholeSegmentOrDatagramIsNotParsed(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{protocolTCP, protocolUDP} {
			s := testbed.Stream{Version: version, Protocol: protocol}
			whole := s.Packet(nil, inet.TCPACK)
			for length := range whole {
				if _, ok := parse(whole[:length]); ok {
					t.Errorf("IPv%d, protocol %d: %d of %d bytes were parsed", version, protocol, length, len(whole))
				}
			}
		}
	}
	segment := func(change func([]byte)) []byte {
		bytes := (&testbed.Stream{Version: 4, Protocol: protocolTCP}).Packet([]byte("payload"), inet.TCPACK)
		change(bytes)
		return bytes
	}
	for name, bytes := range map[string][]byte{
		"a first fragment":        segment(func(b []byte) { b[inet.IPv4Fragment] = 0x20 }),
		"a later fragment":        segment(func(b []byte) { b[inet.IPv4Fragment+1] = 1 }),
		"a short IPv4 header":     segment(func(b []byte) { b[0], b[inet.IPv4Protocol] = 0x44, protocolUDP }),
		"a long IPv4 header":      segment(func(b []byte) { b[0] = 0x4f }),
		"a short TCP header":      segment(func(b []byte) { b[inet.IPv4HeaderLength+inet.TCPDataOffset] = 0x40 }),
		"a long TCP header":       segment(func(b []byte) { b[inet.IPv4HeaderLength+inet.TCPDataOffset] = 0xf0 }),
		"ICMP":                    segment(func(b []byte) { b[inet.IPv4Protocol] = 1 }),
		"another version":         segment(func(b []byte) { b[0] = 0x55 }),
		"an IPv6 extension":       {0: 0x60, inet.IPv6NextHeader: 44, 79: 0},
		"IPv6 with a long length": {0: 0x60, inet.IPv6PayloadLength + 1: 50, inet.IPv6NextHeader: protocolUDP, 79: 0},
	} {
		if _, ok := parse(bytes); ok {
			t.Errorf("%s was parsed", name)
		}
	}
}

func TestOnlyDataMayBeLost(t *testing.T) {
	tcp := &testbed.Stream{Version: 4, Protocol: protocolTCP}
	for name, test := range map[string]struct {
		bytes []byte
		want  bool
	}{
		"data":               {tcp.Packet([]byte("data"), inet.TCPACK|inet.TCPPSH), true},
		"an acknowledgement": {tcp.Packet(nil, inet.TCPACK), false},
		"SYN":                {tcp.Packet(nil, inet.TCPSYN), false},
		"SYN with data":      {tcp.Packet([]byte("data"), inet.TCPSYN), false},
		"FIN with data":      {tcp.Packet([]byte("data"), inet.TCPFIN|inet.TCPACK), false},
		"RST":                {tcp.Packet([]byte("data"), inet.TCPRST), false},
		"a datagram":         {(&testbed.Stream{Version: 4, Protocol: protocolUDP}).Packet([]byte("data"), 0), true},
	} {
		p, ok := parse(test.bytes)
		if !ok || p.mayBeLost() != test.want {
			t.Errorf("%s: %v, parsed %v", name, p.mayBeLost(), ok)
		}
	}
}

func TestTimestampsAreFoundAmongTheOptions(t *testing.T) {
	stamp := []byte{byte(inet.TCPOptionTimestamps), 10, 1, 2, 3, 4, 5, 6, 7, 8}
	for name, test := range map[string]struct {
		options []byte
		want    bool
	}{
		"as usual":          {slices.Concat([]byte{1, 1}, stamp), true},
		"none":              {[]byte{1, 1, 1, 1}, false},
		"of another length": {slices.Concat([]byte{stamp[0], 9}, stamp[2:], []byte{1, 1}), false},
	} {
		bytes := (&testbed.Stream{Version: 4, Protocol: protocolUDP}).Packet(make([]byte, 60), 0)
		bytes[inet.IPv4Protocol] = protocolTCP
		bytes[inet.IPv4HeaderLength+inet.TCPDataOffset] = byte(inet.TCPHeaderLength+len(test.options)) << 2
		copy(bytes[inet.IPv4HeaderLength+inet.TCPHeaderLength:], test.options)
		p, ok := parse(bytes)
		if !ok {
			t.Fatalf("%s: not parsed", name)
		}
		value, echo, found := p.timestamps()
		if found != test.want || found && (value != 0x01020304 || echo != 0x05060708) {
			t.Errorf("%s: %x, %x, %v", name, value, echo, found)
		}
	}
}

func FuzzAnyPacketIsParsed(f *testing.F) {
	for _, version := range []uint8{4, 6} {
		f.Add(stamped(&testbed.Stream{Version: version, Protocol: protocolTCP}, 10, inet.TCPACK, 1, 2))
		f.Add((&testbed.Stream{Version: version, Protocol: protocolUDP}).Packet(make([]byte, 10), 0))
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		bytes = slices.Clip(bytes)
		q, _ := queueAt(start)
		q.Sent(bytes)
		p, ok := parse(bytes)
		if !ok {
			return
		}
		if p.mayBeLost(); len(p.ip) > len(bytes) || len(p.transport) >= len(p.ip) {
			t.Errorf("%d bytes of %d, from %d on", len(p.ip), len(bytes), len(p.transport))
		}
		if p.protocol == protocolTCP {
			p.timestamps()
		}
		q.flows.received(&p, start, 0)
	})
}
