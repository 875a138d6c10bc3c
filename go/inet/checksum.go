package inet

import (
	"encoding/binary"
	"math/bits"
)

// A Sum is an unfinished internet checksum (RFC 1071): a one's complement sum in the machine's byte order, which
// Folded reduces to 16 bits. All parts but the last must have an even length.
type Sum uint64

// Add continues the sum over b. It is written for speed: every payload byte passes through it, in either
// direction.
func (s Sum) Add(b []byte) Sum {
	s, b = s.addBlocks(b)
	return s.addWords(b)
}

// addWords is Add for any processor.
func (s Sum) addWords(b []byte) Sum {
	total, carry := uint64(s), uint64(0)
	for len(b) >= 64 {
		total, carry = bits.Add64(total, binary.NativeEndian.Uint64(b[0:8]), 0)
		total, carry = bits.Add64(total, binary.NativeEndian.Uint64(b[8:16]), carry)
		total, carry = bits.Add64(total, binary.NativeEndian.Uint64(b[16:24]), carry)
		total, carry = bits.Add64(total, binary.NativeEndian.Uint64(b[24:32]), carry)
		total, carry = bits.Add64(total, binary.NativeEndian.Uint64(b[32:40]), carry)
		total, carry = bits.Add64(total, binary.NativeEndian.Uint64(b[40:48]), carry)
		total, carry = bits.Add64(total, binary.NativeEndian.Uint64(b[48:56]), carry)
		total, carry = bits.Add64(total, binary.NativeEndian.Uint64(b[56:64]), carry)
		total, carry = bits.Add64(total, carry, 0)
		total += carry
		b = b[64:]
	}
	for len(b) >= 8 {
		total, carry = bits.Add64(total, binary.NativeEndian.Uint64(b), 0)
		total += carry
		b = b[8:]
	}
	// Fewer than 8 bytes remain: their 64-bit sum cannot overflow before it is added.
	rest := uint64(0)
	if len(b) >= 4 {
		rest += uint64(binary.NativeEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		rest += uint64(binary.NativeEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) > 0 {
		rest += uint64(binary.NativeEndian.Uint16([]byte{b[0], 0}))
	}
	return Sum(total).add64(rest)
}

// add64 continues the sum over a number in the machine's byte order.
func (s Sum) add64(v uint64) Sum {
	total, carry := bits.Add64(uint64(s), v, 0)
	return Sum(total + carry)
}

// Add16 continues the sum over a 16-bit number in network byte order.
func (s Sum) Add16(v uint16) Sum {
	var word [2]byte
	binary.BigEndian.PutUint16(word[:], v)
	return s.add64(uint64(binary.NativeEndian.Uint16(word[:])))
}

// Sub16 removes such a number from the sum.
func (s Sum) Sub16(v uint16) Sum { return s.Add16(^v) }

// Folded returns the sum reduced to 16 bits, in network byte order, not complemented.
func (s Sum) Folded() uint16 {
	folded := uint64(s)
	for folded > 0xffff {
		folded = folded>>16 + folded&0xffff
	}
	var order [2]byte
	binary.NativeEndian.PutUint16(order[:], uint16(folded))
	return binary.BigEndian.Uint16(order[:])
}

// Checksum returns the value for a header's checksum field.
func (s Sum) Checksum() uint16 { return ^s.Folded() }

// PseudoHeader returns the sum of what the checksums of TCP and UDP cover besides the packet: the source and
// destination addresses, the protocol, and the length of the transport header and payload.
func PseudoHeader(addresses []byte, protocol uint8, length int) Sum {
	var rest [8]byte
	binary.BigEndian.PutUint32(rest[0:], uint32(length))
	rest[7] = protocol
	return Sum(0).Add(addresses).Add(rest[:])
}
