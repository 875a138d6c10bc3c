package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// enter begins a function with a frame of some bytes, which it aligns.
func (a *assembly) enter(name, signature string, size int) {
	a.Function(name)
	a.SignatureExpr(signature)
	a.LEAQ(a.AllocLocal(size+64).Offset(63), frame)
	a.ANDQ(operand.I32(-64), frame)
}

// wipe overwrites part of the frame.
func (a *assembly) wipe(offset, size int) {
	a.zero(reg.Z0)
	for i := 0; i < size; i += 64 {
		a.VMOVDQA64(reg.Z0, at(frame, offset+i))
	}
}

// leave clears every register that may have held secrets, and returns.
func (a *assembly) leave() {
	for _, r := range []reg.Register{reg.EBX, reg.ECX, reg.EDX, reg.R12L} {
		a.XORL(r, r)
	}
	for _, r := range all[16:] {
		a.VPXORD(r.AsX(), r.AsX(), r.AsX())
	}
	a.VZEROALL()
	a.RET()
}
