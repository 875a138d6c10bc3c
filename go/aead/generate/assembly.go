package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vector is a 512-bit register.
type vector = reg.VecPhysical

// assembly is the file being made. Its methods append instructions.
type assembly struct {
	*build.Context
	labels int
	tables
}

// General-purpose registers with one meaning throughout a function. R14 and R15 belong to Go.
var (
	out   = reg.RDI
	in    = reg.RSI
	left  = reg.RCX // Bytes of in that are not done.
	frame = reg.R8  // The stack frame, aligned to 64 bytes.
	soon  = reg.R9  // What is prefetched next.
	// 1 while the next block of keystream is block 0, which holds Poly1305's key; then 0.
	first = reg.R10
	// Bytes of keystream in the frame, to be wiped.
	used = reg.R11
)

// all lists the vector registers.
var all = [32]vector{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

// at returns the memory at a distance from a register's address.
func at(base reg.Register, offset int) operand.Mem {
	return operand.Mem{Base: base, Disp: offset}
}

// to returns the target of a jump.
func to(label string) operand.Op { return operand.LabelRef(label) }

// label returns a new label's name.
func (a *assembly) label(name string) string {
	a.labels++
	return fmt.Sprintf("%s%d", name, a.labels)
}

// zero clears registers.
func (a *assembly) zero(registers ...vector) {
	for _, r := range registers {
		a.VPXORQ(r, r, r)
	}
}

// tables are the constants in read-only memory.
type tables struct {
	// counters holds the numbers 0 to 31 of 32 bits: what to add to the first block's counter for each of 32 blocks in
	// the vertical layout.
	counters operand.Mem
	// rows holds, for the blocks 0, 4, 16 and 20 of a pass, what to add to row 3 of four blocks in the horizontal layout.
	rows map[int]operand.Mem
	// sigma is the first row of ChaCha20's input.
	sigma operand.Mem
	// even and odd pick quadwords out of two vectors.
	even, odd operand.Mem
	// ascend holds the numbers 8 to 15.
	ascend operand.Mem
	// words holds the quadwords that follow.
	words operand.Mem
}

// words are the constants of Poly1305.
var words = [...]uint64{1<<44 - 1, 1<<42 - 1, 1 << 40, 0x0ffffffc0fffffff, 0x0ffffffc0ffffffc}

// Where in the words each is.
const (
	word44     = 0  // A limb of 44 bits,
	word42     = 8  // and one of 42.
	word128    = 16 // 2^128 in the upper limb.
	wordClampR = 24 // The bits of r that are not cleared, in its lower and upper half.
)

// constants writes the tables.
func (a *assembly) constants() {
	a.counters = a.table("counters", 32, func(i int) operand.Constant { return operand.U32(i) })
	a.rows = map[int]operand.Mem{}
	for _, block := range []int{0, 4, 16, 20} {
		a.rows[block] = a.table(fmt.Sprintf("row%d", block), 16, func(i int) operand.Constant {
			if i%4 != 0 {
				return operand.U32(0)
			}
			return operand.U32(block + i/4)
		})
	}
	a.sigma = a.table("sigma", 2, func(i int) operand.Constant {
		return operand.U64([]uint64{0x3320646e61707865, 0x6b20657479622d32}[i])
	})
	a.words = a.table("words", len(words), func(i int) operand.Constant { return operand.U64(words[i]) })
	a.even = a.table("even", 8, func(i int) operand.Constant { return operand.U64(2 * i) })
	a.ascend = a.table("ascend", 8, func(i int) operand.Constant { return operand.U64(8 + i) })
	a.odd = a.table("odd", 8, func(i int) operand.Constant { return operand.U64(2*i + 1) })
}

func (a *assembly) table(name string, entries int, entry func(int) operand.Constant) operand.Mem {
	memory := a.StaticGlobal(name)
	a.DataAttributes(build.RODATA | build.NOPTR)
	for i := range entries {
		a.AppendDatum(entry(i))
	}
	return memory
}
