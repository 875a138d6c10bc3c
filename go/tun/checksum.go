package tun

import (
	"encoding/binary"
	"math/bits"
)

// A sum is the internet checksum of RFC 1071 under way: a sum in one's complement, in the machine's
// byte order, of which folded gives the 16 bits. All parts but the last must be of even length.
type sum uint64

// add continues the sum over b. It is written for speed: every payload byte passes it, on the way in
// and on the way out.
func (s sum) add(b []byte) sum {
	s, b = s.addBlocks(b)
	return s.addWords(b)
}

// addWords is add on any processor.
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
	// What is left has less than 8 bytes: a 64-bit sum of it cannot overflow before it is added.
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

// add16 continues the sum over a number of 16 bits in network byte order.
func (s sum) add16(v uint16) sum {
	var word [2]byte
	binary.BigEndian.PutUint16(word[:], v)
	return s.add64(uint64(binary.NativeEndian.Uint16(word[:])))
}

// sub16 takes such a number out of the sum again.
func (s sum) sub16(v uint16) sum { return s.add16(^v) }

// folded is the sum in 16 bits, in network byte order, not complemented.
func (s sum) folded() uint16 {
	folded := uint64(s)
	for folded > 0xffff {
		folded = folded>>16 + folded&0xffff
	}
	var order [2]byte
	binary.NativeEndian.PutUint16(order[:], uint16(folded))
	return binary.BigEndian.Uint16(order[:])
}

// checksum is what belongs in a header's checksum field.
func (s sum) checksum() uint16 { return ^s.folded() }

// pseudoHeader is the sum of what TCP's and UDP's checksums cover beside the packet: the addresses,
// which stand one after the other, the protocol, and the length of the transport header and payload.
func pseudoHeader(addresses []byte, protocol uint8, length int) sum {
	var rest [8]byte
	binary.BigEndian.PutUint32(rest[0:], uint32(length))
	rest[7] = protocol
	return sum(0).add(addresses).add(rest[:])
}
