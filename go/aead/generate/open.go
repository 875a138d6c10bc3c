package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The frame of open: the keystream of a whole pass waits in it while the tag is computed.
const (
	openKeystream = keyOffset
	openPowers    = openKeystream + 32*64
	openFrame     = openPowers + powersSize
	// A pass of 32 blocks spills registers where their own blocks come later.
	openSpill = openKeystream + 16*64
)

// open writes the function that verifies the tag and only then writes the plaintext.
func (a *assembly) open() {
	a.enter("open", "func(out *byte, key *[32]byte, nonce *[12]byte, in *byte, n int) (authentic bool)", openFrame)
	a.state()
	a.Load(a.Param("in"), in)
	a.Load(a.Param("n"), left)
	a.MOVQ(in, soon)
	a.ADDQ(operand.U8(64), left)
	a.MOVL(operand.U32(1), first.As32())

	passed, next, decrypt, forged := a.label("passed"), a.label("next"), a.label("decrypt"), a.label("forged")
	available, from := reg.RDX, reg.R12
	a.Label(next)
	a.passes(openSpill, func(l layout) sink {
		return func(block int, r vector) {
			a.VMOVDQA64(r, at(frame, openKeystream+64*block))
		}
	}, func(l layout) {
		a.MOVL(operand.U32(64*l.blocks()), available.As32())
		if l != layouts[len(layouts)-1] {
			a.JMP(to(passed))
		}
	})
	a.Label(passed)
	a.LEAQ(at(frame, openKeystream), from)
	a.TESTL(first.As32(), first.As32())
	a.JZ(to(decrypt))

	a.XORL(first.As32(), first.As32())
	a.MOVQ(available, used)
	a.Load(a.Param("in"), reg.RSI)
	a.Load(a.Param("n"), reg.RCX)
	a.poly1305(keyOffset, openPowers, nil)
	a.Load(a.Param("out"), out)
	a.Load(a.Param("in"), in)
	a.Load(a.Param("n"), left)
	a.XORQ(operand.Mem{Base: in, Index: left, Scale: 1}, reg.RAX)
	a.XORQ(operand.Mem{Base: in, Index: left, Scale: 1, Disp: 8}, reg.RDX)
	a.ORQ(reg.RDX, reg.RAX)
	a.JNZ(to(forged))
	a.LEAQ(at(frame, openKeystream+64), from)
	a.LEAQ(at(used, -64), available)

	block, partial, opened := a.label("block"), a.label("partial"), a.label("opened")
	const fourBlocks = 4 * 64
	a.Label(decrypt)
	a.CMPQ(left, operand.U32(fourBlocks))
	a.JB(to(block))
	a.CMPQ(available, operand.U32(fourBlocks))
	a.JB(to(block))
	a.xor(from, 4)
	a.JZ(to(opened))
	a.SUBQ(operand.U32(fourBlocks), available)
	a.JZ(to(next))
	a.JMP(to(decrypt))
	a.Label(block)
	a.CMPQ(left, operand.U8(64))
	a.JB(to(partial))
	a.xor(from, 1)
	a.JZ(to(opened))
	a.SUBQ(operand.U8(64), available)
	a.JZ(to(next))
	a.JMP(to(block))
	a.Label(partial)
	a.TESTQ(left, left)
	a.JZ(to(opened))
	a.VMOVDQA64(at(from, 0), reg.Z0)
	a.xorPartial(reg.Z0)

	a.Label(opened)
	a.MOVL(operand.U32(1), reg.EAX)
	wipe := a.label("wipe")
	a.JMP(to(wipe))
	a.Label(forged)
	a.XORL(reg.EAX, reg.EAX)
	a.Label(wipe)
	a.Store(reg.AL, a.Return("authentic"))
	a.wipe(0, 64)
	a.wipe(openPowers, powersSize)
	again := a.label("again")
	a.LEAQ(at(frame, openKeystream), from)
	smallest := layouts[0].blocks() // Every pass makes a multiple of it.
	a.Label(again)
	for i := range smallest {
		a.VMOVDQA64(reg.Z0, at(from, 64*i))
	}
	a.ADDQ(operand.U32(64*smallest), from)
	a.SUBQ(operand.U32(64*smallest), used)
	a.JNZ(to(again))
	a.leave()
}

// xor decrypts some blocks and moves on. The zero flag says whether none is left.
func (a *assembly) xor(from reg.Register, blocks int) {
	for i := range blocks {
		a.VMOVDQU64(at(in, 64*i), all[i])
		a.VPXORQ(at(from, 64*i), all[i], all[i])
		a.VMOVDQU64(all[i], at(out, 64*i))
	}
	bytes := operand.I32(64 * blocks)
	a.ADDQ(bytes, in)
	a.ADDQ(bytes, out)
	a.ADDQ(bytes, from)
	a.SUBQ(bytes, left)
}
