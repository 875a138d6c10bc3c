package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Poly1305 works on numbers modulo 2^130-5, in three limbs of 44, 44 and 42 bits, which may exceed their width a little
// between two steps. Eight numbers lie side by side in three registers.
type limbs [3]vector

// factor is a multiplier: its limbs, and 20 times its upper two, by which what leaves at 2^132 comes in again at the bottom.
type factor [5]vector

// Registers of Poly1305.
var (
	hash     = limbs{reg.Z0, reg.Z1, reg.Z2}
	low      = limbs{reg.Z3, reg.Z4, reg.Z5} // Sums of the lower 52 bits of products,
	high     = limbs{reg.Z6, reg.Z7, reg.Z8} // and of the upper.
	message  = limbs{reg.Z9, reg.Z10, reg.Z11}
	scratch  = [2]vector{reg.Z12, reg.Z13}
	mask44   = reg.Z14
	mask42   = reg.Z15
	bit128   = reg.Z16                                             // 2^128 in the upper limb: the bit above each block of the message.
	near     = factor{reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21} // r^8
	far      = factor{reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26} // r^16
	lower    = reg.Z27                                             // Blocks 0 to 3 of eight, or their lower halves.
	upper    = reg.Z28                                             // Blocks 4 to 7, or the upper halves of all.
	pickEven = reg.Z29
	pickOdd  = reg.Z30
)

const (
	// powersSize is the size of the powers of r in the frame: the limbs of r^8 to r, and from powersHigh on of r^16 to r^9.
	powersSize  = 6 * 64
	powersHigh  = 3 * 64
	vectorBytes = 128 // Eight blocks.
)

// multiply adds x*f to the sums. If x is new, it begins with the limb that reduce finishes first; if f is new, with what
// does not wait for twenty.
func (a *assembly) multiply(x limbs, f factor, order [3]int) {
	multiplicands := [3]limbs{{f[0], f[1], f[2]}, {f[4], f[0], f[1]}, {f[3], f[4], f[0]}}
	for _, i := range order {
		for _, j := range []int{2, 0, 1} {
			a.VPMADD52HUQ(multiplicands[i][j], x[i], high[j])
		}
		for _, j := range []int{0, 1, 2} {
			a.VPMADD52LUQ(multiplicands[i][j], x[i], low[j])
		}
	}
}

// The orders of multiply.
var (
	newNumber = [3]int{2, 0, 1}
	newFactor = [3]int{0, 1, 2}
)

// clear makes the sums zero.
func (a *assembly) clear() {
	a.zero(low[:]...)
	a.zero(high[:]...)
}

// reduce carries the sums into limbs once. They are sums of at most six products and a message, less than 2^56, so each
// limb is then less than 2^16 above its width. VPMADD52 multiplies numbers of 52 bits, and 20 times a limb has 49.
func (a *assembly) reduce(x limbs) {
	// The upper half of a product counts 2^52: 2^8 of the next limb; from the last, 2^140 = 2^10 * 5.
	a.VPSLLQ(operand.U8(8), high[0], high[0])
	a.VPSLLQ(operand.U8(8), high[1], high[1])
	a.VPSLLQ(operand.U8(12), high[2], scratch[0])
	a.VPSLLQ(operand.U8(10), high[2], high[2])
	a.VPADDQ(high[0], low[1], low[1])
	a.VPADDQ(high[1], low[2], low[2])
	a.VPADDQ(scratch[0], low[0], low[0])
	a.VPADDQ(high[2], low[0], low[0])
	a.VPSRLQ(operand.U8(42), low[2], scratch[0])
	a.VPSRLQ(operand.U8(44), low[0], scratch[1])
	a.VPSRLQ(operand.U8(44), low[1], high[0])
	a.VPANDQ(mask42, low[2], low[2])
	a.VPANDQ(mask44, low[0], low[0])
	a.VPANDQ(mask44, low[1], low[1])
	a.VPSLLQ(operand.U8(2), scratch[0], high[1])
	a.VPADDQ(scratch[0], low[0], low[0])
	a.VPADDQ(scratch[1], low[1], x[1])
	a.VPADDQ(high[0], low[2], x[2])
	a.VPADDQ(high[1], low[0], x[0])
}

// twenty fills in what follows from a factor's limbs.
func (a *assembly) twenty(f factor) {
	for i := 1; i < 3; i++ {
		a.VPSLLQ(operand.U8(4), f[i], scratch[0])
		a.VPSLLQ(operand.U8(2), f[i], f[2+i])
		a.VPADDQ(scratch[0], f[2+i], f[2+i])
	}
}

// load reads eight blocks into limbs.
func (a *assembly) load(from operand.Mem, x limbs) {
	a.VMOVDQU64(from, lower)
	a.VMOVDQU64(from.Offset(64), upper)
	a.halves(x)
	a.split(x)
}

// halves turns eight blocks into their lower and upper halves, in the first and last limb.
func (a *assembly) halves(x limbs) {
	a.VMOVDQA64(pickEven, x[0])
	a.VMOVDQA64(pickOdd, x[2])
	a.VPERMI2Q(upper, lower, x[0])
	a.VPERMI2Q(upper, lower, x[2])
}

// split turns halves into limbs.
func (a *assembly) split(x limbs) {
	a.VPSRLQ(operand.U8(44), x[0], x[1])
	a.VPSLLQ(operand.U8(20), x[2], scratch[0])
	a.VPANDQ(mask44, x[0], x[0])
	a.VPSRLQ(operand.U8(24), x[2], x[2])
	// (x[1] | scratch) & mask44
	a.VPTERNLOGQ(operand.U8(0xa8), mask44, scratch[0], x[1])
	a.VPORQ(bit128, x[2], x[2])
}

// powers fills the table of r's powers at an offset in the frame, and the factors r^8 and r^16. Poly1305's key is at the
// other offset.
func (a *assembly) powers(key, table int) {
	a.VPBROADCASTQ(a.words.Offset(word44), mask44)
	a.VPBROADCASTQ(a.words.Offset(word42), mask42)
	a.VPBROADCASTQ(a.words.Offset(word128), bit128)
	a.VMOVDQU64(a.even, pickEven)
	a.VMOVDQU64(a.odd, pickOdd)

	a.Comment("r, with the bits cleared that RFC 8439 clears")
	a.VPBROADCASTQ(at(frame, key), message[0])
	a.VPBROADCASTQ(at(frame, key+8), message[2])
	a.VPANDQ_BCST(a.words.Offset(wordClampR), message[0], message[0])
	a.VPANDQ_BCST(a.words.Offset(wordClampR+8), message[2], message[2])
	a.VPSRLQ(operand.U8(44), message[0], near[1])
	a.VPSLLQ(operand.U8(20), message[2], scratch[0])
	a.VPANDQ(mask44, message[0], near[0])
	a.VPSRLQ(operand.U8(24), message[2], near[2])
	a.VPTERNLOGQ(operand.U8(0xa8), mask44, scratch[0], near[1])
	a.twenty(near)

	for i, mask := range []uint32{0x55, 0x33, 0x0f} {
		a.MOVL(operand.U32(mask), reg.EAX)
		a.KMOVW(reg.EAX, []reg.Register{reg.K1, reg.K2, reg.K3}[i])
	}
	// product replaces some lanes of the hash by those of its product with f, of which lane 0 becomes a factor.
	product := func(f factor, lanes reg.Register, becomes factor) {
		a.clear()
		a.multiply(hash, f, newFactor)
		a.reduce(message)
		for i := range hash {
			if lanes != nil {
				a.VMOVDQA64(message[i], lanes, hash[i])
			}
			if lanes == reg.K1 { // All lanes of r^2 are equal.
				a.VMOVDQA64(message[i], becomes[i])
			} else {
				a.VPBROADCASTQ(message[i].AsX(), becomes[i])
			}
		}
		a.twenty(becomes)
	}
	for i := range hash {
		a.VMOVDQA64(near[i], hash[i])
	}
	a.Comment("Lanes: r^2 r r^2 r r^2 r r^2 r")
	product(near, reg.K1, far)
	a.Comment("Lanes: r^4 r^3 r^2 r r^4 r^3 r^2 r")
	product(far, reg.K2, far)
	a.Comment("Lanes: r^8 to r")
	product(far, reg.K3, near)
	for i := range hash {
		a.VMOVDQA64(hash[i], at(frame, table+64*i))
	}
	a.Comment("r^16 to r^9, in the message")
	product(near, nil, far)
	for i := range message {
		a.VMOVDQA64(message[i], at(frame, table+powersHigh+64*i))
	}
}

// poly1305 computes the tag of the message at RSI, of RCX bytes, into RAX and RDX. It changes RBX, RCX and R12. The
// lengths in the last block are zero and that of the message, unless lengths inserts others.
func (a *assembly) poly1305(key, table int, lengths func(lane reg.Register)) {
	a.powers(key, table)
	pairs, pair, rest := a.label("pairs"), a.label("pair"), a.label("rest")
	a.zero(hash[:]...)
	a.MOVQ(reg.RCX, reg.RBX)
	a.SHRQ(operand.U8(7), reg.RBX)
	a.JZ(to(rest))

	a.Comment("The first eight blocks")
	a.load(at(reg.RSI, 0), hash)
	a.ADDQ(operand.I32(vectorBytes), reg.RSI)
	a.DECQ(reg.RBX)
	a.TESTQ(operand.U32(1), reg.RBX)
	a.JZ(to(pairs))

	a.Comment("The next eight: hash*r^8 + message")
	a.load(at(reg.RSI, 0), low)
	a.single()
	a.ADDQ(operand.I32(vectorBytes), reg.RSI)
	a.DECQ(reg.RBX)

	a.Label(pairs)
	a.TESTQ(reg.RBX, reg.RBX)
	a.JZ(to(rest))
	a.Label(pair)
	a.Comment("Sixteen: (hash*r^8 + message)*r^8 + message")
	a.load(at(reg.RSI, 0), message)
	a.load(at(reg.RSI, vectorBytes), low)
	a.zero(high[:]...)
	a.multiply(message, near, newNumber)
	a.multiply(hash, far, newNumber)
	a.reduce(hash)
	a.ADDQ(operand.I32(2*vectorBytes), reg.RSI)
	a.SUBQ(operand.U8(2), reg.RBX)
	a.JNZ(to(pair))

	a.Label(rest)
	a.rest(table, lengths)
	a.tag(key)
}

// single multiplies the hash by r^8 and adds the message, which is in the lower sums.
func (a *assembly) single() {
	a.zero(high[:]...)
	a.multiply(hash, near, newNumber)
	a.reduce(hash)
}

// rest adds what is left of the message, less than 128 bytes, and the lengths: k blocks, of which the last goes to lane
// k-1. Then lane i of the rest counts r^(k-i), and lane i of the hash r^(8+k-i).
func (a *assembly) rest(table int, lengths func(lane reg.Register)) {
	loaded, small, ready := a.label("loaded"), a.label("small"), a.label("ready")
	length, bytes, blocks := reg.RCX, reg.RBX, reg.RDX
	a.MOVQ(length, bytes)
	a.ANDQ(operand.U8(127), bytes)
	a.zero(lower, upper)
	a.JZ(to(loaded))
	a.MOVQ(operand.I32(-1), reg.RAX)
	a.CMPQ(bytes, operand.U8(64))
	a.JBE(to(small))
	a.VMOVDQU64(at(reg.RSI, 0), lower)
	a.LEAQ(at(bytes, -64), reg.R12)
	a.BZHIQ(reg.R12, reg.RAX, reg.RAX)
	a.KMOVQ(reg.RAX, reg.K1)
	a.VMOVDQU8_Z(at(reg.RSI, 64), reg.K1, upper)
	a.JMP(to(loaded))
	a.Label(small)
	a.BZHIQ(bytes, reg.RAX, reg.RAX)
	a.KMOVQ(reg.RAX, reg.K1)
	a.VMOVDQU8_Z(at(reg.RSI, 0), reg.K1, lower)
	a.Label(loaded)
	a.halves(message)

	a.Comment("How many blocks, with that of the lengths")
	a.LEAQ(at(bytes, 31), blocks)
	a.SHRQ(operand.U8(4), blocks)
	a.CMPQ(blocks, operand.U8(8))
	a.JBE(to(ready))
	a.halves(low)
	a.split(low)
	a.single()
	a.zero(message[0], message[2])
	a.MOVL(operand.U32(1), reg.EDX)
	a.Label(ready)

	a.Comment("The last block: the lengths")
	a.MOVL(operand.U32(1), reg.EAX)
	a.LEAQ(at(blocks, -1), reg.R12)
	a.SHLXQ(reg.R12, reg.RAX, reg.RAX)
	a.KMOVW(reg.EAX, reg.K1)
	if lengths == nil {
		a.VPBROADCASTQ(length, reg.K1, message[2])
	} else {
		lengths(reg.K1)
	}
	a.split(message)

	a.Comment("The powers by which each lane of the hash and of the rest counts")
	a.NEGQ(blocks)
	a.VPBROADCASTQ(blocks, lower)
	a.VPADDQ(a.ascend, lower, lower)
	a.zero(upper)
	for i := range 3 {
		// Eight of r^16 to r, from the one with index 8-k on; and eight of r^8 to r and then zeros.
		a.VMOVDQA64(lower, far[i])
		a.VMOVDQA64(lower, near[i])
		a.VMOVDQA64(at(frame, table+64*i), scratch[1])
		a.VMOVDQA64(at(frame, table+powersHigh+64*i), scratch[0])
		a.VPERMI2Q(scratch[1], scratch[0], far[i])
		a.VPERMI2Q(upper, scratch[1], near[i])
	}
	a.twenty(far)
	a.twenty(near)
	a.clear()
	a.multiply(message, near, newFactor)
	a.multiply(hash, far, newNumber)
	a.reduce(hash)
}

// tag adds the lanes of the hash, reduces the sum to less than 2^130-5, and adds s, the second half of the key.
func (a *assembly) tag(key int) {
	h := [3]reg.Register{reg.RAX, reg.RDX, reg.RCX}
	for i, limb := range hash {
		a.VEXTRACTI64X4(operand.U8(1), limb, scratch[0].AsY())
		a.VPADDQ(scratch[0].AsY(), limb.AsY(), limb.AsY())
		a.VEXTRACTI128(operand.U8(1), limb.AsY(), scratch[0].AsX())
		a.VPADDQ(scratch[0].AsX(), limb.AsX(), limb.AsX())
		a.VPSRLDQ(operand.U8(8), limb.AsX(), scratch[0].AsX())
		a.VPADDQ(scratch[0].AsX(), limb.AsX(), limb.AsX())
		a.VMOVQ(limb.AsX(), h[i])
	}
	a.Comment("Three limbs, wider than 44 bits, to two words and what is above them")
	a.MOVQ(h[1], reg.RBX)
	a.SHLQ(operand.U8(44), reg.RBX)
	a.SHRQ(operand.U8(20), h[1])
	a.MOVQ(h[2], reg.R12)
	a.SHLQ(operand.U8(24), reg.R12)
	a.SHRQ(operand.U8(40), h[2])
	a.ADDQ(reg.RBX, h[0])
	a.ADCQ(reg.R12, h[1])
	a.ADCQ(operand.U8(0), h[2])
	a.Comment("What is above 2^130 counts 5 at the bottom.")
	a.MOVQ(h[2], reg.RBX)
	a.SHRQ(operand.U8(2), reg.RBX)
	a.LEAQ(operand.Mem{Base: reg.RBX, Index: reg.RBX, Scale: 4}, reg.RBX)
	a.ANDL(operand.U8(3), reg.ECX)
	a.ADDQ(reg.RBX, h[0])
	a.ADCQ(operand.U8(0), h[1])
	a.ADCQ(operand.U8(0), h[2])
	a.Comment("If adding 5 reaches 2^130, the sum without that bit is the remainder.")
	a.MOVQ(h[0], reg.RBX)
	a.MOVQ(h[1], reg.R12)
	a.ADDQ(operand.U8(5), reg.RBX)
	a.ADCQ(operand.U8(0), reg.R12)
	a.ADCQ(operand.U8(0), h[2])
	a.SHRQ(operand.U8(2), h[2])
	a.NEGQ(h[2])
	for i, reduced := range []reg.Register{reg.RBX, reg.R12} {
		a.XORQ(h[i], reduced)
		a.ANDQ(h[2], reduced)
		a.XORQ(reduced, h[i])
	}
	a.ADDQ(at(frame, key+16), h[0])
	a.ADCQ(at(frame, key+24), h[1])
}
