package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// layout says how a pass holds its blocks: `vertical` groups of 16 blocks with a register for each word, then `horizontal`
// groups of four blocks with a register for each row.
type layout struct {
	vertical, horizontal int
}

func (l layout) blocks() int { return 16*l.vertical + 4*l.horizontal }

// layouts are those in use, smallest first; what is left is done in the smallest that holds it. Where the processor can
// begin four instructions of 512 bits at once, a pass takes about as long in each: a block is a chain of 240 instructions,
// and the groups run side by side. The layout of 24 blocks is for a packet of 1,420 bytes, which has 23 and Poly1305's key.
var layouts = []layout{{0, 2}, {1, 0}, {1, 2}, {2, 0}}

// Offsets in the frame that both functions share.
const (
	stateOffset = 0  // ChaCha20's input: 16 words.
	keyOffset   = 64 // Block 0 of the keystream, of which the first 32 bytes are Poly1305's key.
)

// sink takes block number `block` of a pass, whose keystream is in r.
type sink func(block int, r vector)

// state writes ChaCha20's input for block 0 to the frame: each row at once, as it will be read.
func (a *assembly) state() {
	a.VMOVDQU(a.sigma, reg.X0)
	a.VMOVDQA(reg.X0, at(frame, stateOffset))
	a.Load(a.Param("key"), reg.RAX)
	a.VMOVDQU(at(reg.RAX, 0), reg.Y0)
	a.VMOVDQU(reg.Y0, at(frame, stateOffset+16))
	a.Load(a.Param("nonce"), reg.RAX)
	a.VMOVD(at(reg.RAX, 0), reg.X0)
	a.VMOVQ(at(reg.RAX, 4), reg.X1)
	a.VPSLLDQ(operand.U8(4), reg.X0, reg.X0)
	a.VPUNPCKLQDQ(reg.X1, reg.X0, reg.X0)
	a.VMOVDQA(reg.X0, at(frame, stateOffset+48))
}

// pass makes the next blocks of keystream, hands them to the sink in order, and advances the counter. `spill` is where in
// the frame eight registers can wait.
func (a *assembly) pass(l layout, spill int, emit sink) {
	v, h := a.groups(l)
	a.begin(v, h)
	a.MOVL(operand.U32(10), reg.EAX)
	round := a.label("round")
	a.Label(round)
	a.prefetch((l.blocks() + 9) / 10)
	var groups []doubleRound
	for _, words := range v {
		groups = append(groups, a.vertical(words))
	}
	if len(h) > 0 {
		groups = append(groups, a.horizontal(h))
	}
	alternate(groups)
	a.DECL(reg.EAX)
	a.JNZ(to(round))
	a.finish(v, h, spill, emit)
	a.ADDL(operand.U8(l.blocks()), at(frame, stateOffset+48))
}

// groups assigns registers.
func (a *assembly) groups(l layout) (v [][]vector, h []quarter) {
	for i := range l.vertical {
		v = append(v, all[16*i:16*i+16])
	}
	for i := range l.horizontal {
		r := all[16*l.vertical+4*i:]
		h = append(h, quarter{r[0], r[1], r[2], r[3]})
	}
	return v, h
}

// begin fills the registers from the state.
func (a *assembly) begin(v [][]vector, h []quarter) {
	for i, words := range v {
		for j, word := range words {
			a.VPBROADCASTD(at(frame, stateOffset+4*j), word)
		}
		a.VPADDD(a.counters.Offset(64*i), words[12], words[12])
	}
	for i, q := range h {
		for j, row := range []vector{q.a, q.b, q.c, q.d} {
			a.VBROADCASTI32X4(at(frame, stateOffset+16*j), row)
		}
		a.VPADDD(a.rows[16*len(v)+4*i], q.d, q.d)
	}
}

// prefetch asks for some more lines of the packet, which come while the rounds run.
func (a *assembly) prefetch(lines int) {
	for i := range lines {
		a.PREFETCHT0(at(soon, 64*i))
	}
	a.ADDQ(operand.U32(64*lines), soon)
}

// finish adds the state, turns the blocks so that each is in one register, and hands them on.
func (a *assembly) finish(v [][]vector, h []quarter, spill int, emit sink) {
	for i, words := range v {
		spare := all[24:32]
		if len(v) == 2 && i == 0 {
			// The second group needs all other registers: eight of it wait in memory.
			for j, r := range spare {
				a.VMOVDQA64(r, at(frame, spill+64*j))
			}
		}
		if i == 1 {
			spare = all[8:16]
			for j := range 8 {
				a.VMOVDQA64(at(frame, spill+64*j), all[j])
			}
			words = append(append([]vector{}, words[:8]...), all[:8]...)
		}
		for j, r := range words {
			a.VPADDD_BCST(at(frame, stateOffset+4*j), r, r)
		}
		a.VPADDD(a.counters.Offset(64*i), words[12], words[12])
		for j, r := range a.transpose(words, spare) {
			emit(16*i+j, r)
		}
	}
	for i, q := range h {
		spare := all[24:32]
		for j, row := range []vector{q.a, q.b, q.c, q.d} {
			a.VBROADCASTI32X4(at(frame, stateOffset+16*j), spare[j])
			a.VPADDD(spare[j], row, row)
		}
		a.VPADDD(a.rows[16*len(v)+4*i], q.d, q.d)
		for j, r := range a.turn(q.a, q.b, q.c, q.d, spare[4*(i%2):]) {
			emit(16*len(v)+4*i+j, r)
		}
	}
}

// transpose turns 16 registers that hold one word of 16 blocks each into one block each. Returns them in order.
func (a *assembly) transpose(w, spare []vector) []vector {
	for i := 0; i < 16; i += 4 {
		a.VPUNPCKLDQ(w[i+1], w[i], spare[0])
		a.VPUNPCKHDQ(w[i+1], w[i], spare[1])
		a.VPUNPCKLDQ(w[i+3], w[i+2], spare[2])
		a.VPUNPCKHDQ(w[i+3], w[i+2], spare[3])
		a.VPUNPCKLQDQ(spare[2], spare[0], w[i])
		a.VPUNPCKHQDQ(spare[2], spare[0], w[i+1])
		a.VPUNPCKLQDQ(spare[3], spare[1], w[i+2])
		a.VPUNPCKHQDQ(spare[3], spare[1], w[i+3])
	}
	// Now lane n of register i+j holds the words i to i+3 of block 4n+j.
	blocks := make([]vector, 16)
	for j := range 4 {
		for n, r := range a.turn(w[j], w[4+j], w[8+j], w[12+j], spare[4*(j%2):]) {
			blocks[4*n+j] = r
		}
	}
	return blocks
}

// turn transposes the 4 by 4 matrix of 128-bit lanes in four registers, in place.
func (a *assembly) turn(r0, r1, r2, r3 vector, spare []vector) []vector {
	low, high := operand.U8(0x44), operand.U8(0xee)
	a.VSHUFI32X4(low, r1, r0, spare[0])
	a.VSHUFI32X4(high, r1, r0, spare[1])
	a.VSHUFI32X4(low, r3, r2, spare[2])
	a.VSHUFI32X4(high, r3, r2, spare[3])
	even, odd := operand.U8(0x88), operand.U8(0xdd)
	a.VSHUFI32X4(even, spare[2], spare[0], r0)
	a.VSHUFI32X4(odd, spare[2], spare[0], r1)
	a.VSHUFI32X4(even, spare[3], spare[1], r2)
	a.VSHUFI32X4(odd, spare[3], spare[1], r3)
	return []vector{r0, r1, r2, r3}
}

// passes appends a pass in each layout, and code that enters the smallest that holds what is left, block 0 included. Only
// the largest can leave something for another pass.
func (a *assembly) passes(spill int, emit func(layout) sink, after func(layout)) {
	for i, l := range layouts {
		larger := a.label("larger")
		if i+1 < len(layouts) {
			a.CMPQ(left, operand.U32(64*l.blocks()))
			a.JHI(to(larger))
		}
		a.Commentf("A pass of %d blocks: %d vertical groups of 16, %d horizontal groups of 4.", l.blocks(), l.vertical, l.horizontal)
		a.pass(l, spill, emit(l))
		after(l)
		if i+1 < len(layouts) {
			a.Label(larger)
		}
	}
}

// full returns how many blocks are certainly whole if the pass has this layout and no smaller one.
func (l layout) full() int {
	blocks := 0
	for _, smaller := range layouts {
		if smaller.blocks() < l.blocks() {
			blocks = smaller.blocks()
		}
	}
	return blocks
}
