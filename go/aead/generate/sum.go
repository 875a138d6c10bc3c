package main

import "github.com/mmcloughlin/avo/reg"

// The frame of sum.
const (
	sumKey    = 0
	sumPowers = 64
	sumFrame  = sumPowers + powersSize
)

// sum writes Poly1305 alone. Tests choose its key, which in seal and open is what ChaCha20 makes of another.
func (a *assembly) sum() {
	a.enter("sum", "func(tag *[16]byte, key *[32]byte, message *byte, n, associated, text int)", sumFrame)
	a.Load(a.Param("key"), reg.RAX)
	a.VMOVDQU(at(reg.RAX, 0), reg.Y0)
	a.VMOVDQA(reg.Y0, at(frame, sumKey))
	a.Load(a.Param("message"), reg.RSI)
	a.Load(a.Param("n"), reg.RCX)
	a.poly1305(sumKey, sumPowers, func(lane reg.Register) {
		a.Load(a.Param("associated"), reg.RAX)
		a.VPBROADCASTQ(reg.RAX, lane, message[0])
		a.Load(a.Param("text"), reg.RAX)
		a.VPBROADCASTQ(reg.RAX, lane, message[2])
	})
	a.Load(a.Param("tag"), reg.RDI)
	a.MOVQ(reg.RAX, at(reg.RDI, 0))
	a.MOVQ(reg.RDX, at(reg.RDI, 8))
	a.wipe(0, sumFrame)
	a.leave()
}
