package tun

import (
	"encoding/binary"
	"math/bits"
)

// A sum is an unfinished internet checksum (RFC 1071): a one's complement sum in the machine's byte order, which
// folded reduces to 16 bits. All parts but the last must have an even length.
type sum uint64

// add continues the sum over b. It is written for speed: every payload byte passes through it, in either
// direction.
func (s sum) add(b []byte) sum {
	s, b = s.addBlocks(b)
	return s.addWords(b)
}

// addWords is add for any processor.
func (s sum) addWords(b []byte) sum {
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
	return sum(total).add64(rest)
}

// add64 continues the sum over a number in the machine's byte order.
func (s sum) add64(v uint64) sum {
	total, carry := bits.Add64(uint64(s), v, 0)
	return sum(total + carry)
}

// add16 continues the sum over a 16-bit number in network byte order.
func (s sum) add16(v uint16) sum {
	var word [2]byte
	binary.BigEndian.PutUint16(word[:], v)
	return s.add64(uint64(binary.NativeEndian.Uint16(word[:])))
}

// sub16 removes such a number from the sum.
func (s sum) sub16(v uint16) sum { return s.add16(^v) }

// folded returns the sum reduced to 16 bits, in network byte order, not complemented.
func (s sum) folded() uint16 {
	folded := uint64(s)
	for folded > 0xffff {
		folded = folded>>16 + folded&0xffff
	}
	var order [2]byte
	binary.NativeEndian.PutUint16(order[:], uint16(folded))
	return binary.BigEndian.Uint16(order[:])
}

// checksum returns the value for a header's checksum field.
func (s sum) checksum() uint16 { return ^s.folded() }

// pseudoHeader returns the sum of what the checksums of TCP and UDP cover besides the packet: the source and
// destination addresses, the protocol, and the length of the transport header and payload.
func pseudoHeader(addresses []byte, protocol uint8, length int) sum {
	var rest [8]byte
	binary.BigEndian.PutUint32(rest[0:], uint32(length))
	rest[7] = protocol
	return sum(0).add(addresses).add(rest[:])
}
