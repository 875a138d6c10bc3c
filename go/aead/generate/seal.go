package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The frame of seal.
const (
	sealSpill  = keyOffset + 64
	sealPowers = sealSpill + 8*64
	sealFrame  = sealPowers + powersSize
)

// seal writes the function that encrypts, then computes the tag over what it wrote.
func (a *assembly) seal() {
	a.enter("seal", "func(out *byte, key *[32]byte, nonce *[12]byte, in *byte, n int)", sealFrame)
	a.state()
	a.Load(a.Param("out"), out)
	a.Load(a.Param("in"), in)
	a.Load(a.Param("n"), left)
	a.MOVQ(in, soon)
	a.Comment("Block 0 is Poly1305's key: the message begins with block 1.")
	a.SUBQ(operand.U8(64), in)
	a.SUBQ(operand.U8(64), out)
	a.ADDQ(operand.U8(64), left)
	a.MOVL(operand.U32(1), first.As32())

	next, partial, sealed := a.label("next"), a.label("partial"), a.label("sealed")
	a.Label(next)
	var stubs []func()
	// whole encrypts a block if all of it is there, and else jumps to where the last part of a block is encrypted.
	whole := func(l layout, block int, r vector) {
		if block >= l.full() {
			last := a.label("last")
			a.CMPQ(left, operand.U32(64*(block+1)))
			a.JB(to(last))
			stubs = append(stubs, func() {
				a.Label(last)
				a.VMOVDQA64(r, reg.Z0)
				a.MOVL(operand.U32(64*block), reg.EAX)
				a.JMP(to(partial))
			})
		}
		a.VPXORQ(at(in, 64*block), r, r)
		a.VMOVDQU64(r, at(out, 64*block))
	}
	a.passes(sealSpill, func(l layout) sink {
		return func(block int, r vector) {
			if block > 0 {
				whole(l, block, r)
				return
			}
			data, done := a.label("data"), a.label("done")
			a.TESTL(first.As32(), first.As32())
			a.JZ(to(data))
			a.VMOVDQA64(r, at(frame, keyOffset))
			a.XORL(first.As32(), first.As32())
			a.JMP(to(done))
			a.Label(data)
			whole(l, block, r)
			a.Label(done)
		}
	}, func(l layout) {
		if l == layouts[len(layouts)-1] {
			bytes := operand.U32(64 * l.blocks())
			a.ADDQ(bytes, in)
			a.ADDQ(bytes, out)
			a.SUBQ(bytes, left)
			a.JNZ(to(next))
		}
		a.JMP(to(sealed))
	})
	for _, stub := range stubs {
		stub()
	}
	a.Label(partial)
	a.Comment("AX bytes before what is left, less than a block; its keystream is in Z0.")
	a.ADDQ(reg.RAX, in)
	a.ADDQ(reg.RAX, out)
	a.SUBQ(reg.RAX, left)
	a.JZ(to(sealed))
	a.xorPartial(reg.Z0)

	a.Label(sealed)
	a.Load(a.Param("out"), reg.RSI)
	a.Load(a.Param("n"), reg.RCX)
	a.poly1305(keyOffset, sealPowers, nil)
	a.Load(a.Param("out"), out)
	a.Load(a.Param("n"), reg.RCX)
	a.MOVQ(reg.RAX, operand.Mem{Base: out, Index: reg.RCX, Scale: 1})
	a.MOVQ(reg.RDX, operand.Mem{Base: out, Index: reg.RCX, Scale: 1, Disp: 8})
	a.wipe(0, sealFrame)
	a.leave()
}

// xorPartial encrypts or decrypts the 1 to 63 bytes that are left with the keystream in r.
func (a *assembly) xorPartial(r vector) {
	a.MOVQ(operand.I32(-1), reg.RAX)
	a.BZHIQ(left, reg.RAX, reg.RAX)
	a.KMOVQ(reg.RAX, reg.K1)
	a.VMOVDQU8_Z(at(in, 0), reg.K1, reg.Z1)
	a.VPXORQ(reg.Z1, r, r)
	a.VMOVDQU8(r, reg.K1, at(out, 0))
}
