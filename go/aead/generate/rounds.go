package main

import "github.com/mmcloughlin/avo/operand"

// quarter is the four registers of a quarter round, or of several that run side by side in the lanes.
type quarter struct{ a, b, c, d vector }

// step appends one instruction.
type step func()

// quarterRounds returns the steps of some quarter rounds. They are independent of each other, so their steps alternate.
func (g *assembly) quarterRounds(quarters []quarter) []step {
	var steps []step
	half := func(left, right int) {
		for _, rotation := range []struct {
			a, b, d func(quarter) vector
			bits    int
		}{
			{func(q quarter) vector { return q.a }, func(q quarter) vector { return q.b }, func(q quarter) vector { return q.d }, left},
			{func(q quarter) vector { return q.c }, func(q quarter) vector { return q.d }, func(q quarter) vector { return q.b }, right},
		} {
			for _, q := range quarters {
				steps = append(steps, func() { g.VPADDD(rotation.b(q), rotation.a(q), rotation.a(q)) })
			}
			for _, q := range quarters {
				steps = append(steps, func() { g.VPXORD(rotation.a(q), rotation.d(q), rotation.d(q)) })
			}
			for _, q := range quarters {
				steps = append(steps, func() { g.VPROLD(operand.U8(rotation.bits), rotation.d(q), rotation.d(q)) })
			}
		}
	}
	half(16, 12)
	half(8, 7)
	return steps
}

// vertical returns the steps of a double round of 16 blocks, of which register i holds word i.
func (g *assembly) vertical(w []vector) []step {
	columns := []quarter{
		{w[0], w[4], w[8], w[12]}, {w[1], w[5], w[9], w[13]},
		{w[2], w[6], w[10], w[14]}, {w[3], w[7], w[11], w[15]},
	}
	diagonals := []quarter{
		{w[0], w[5], w[10], w[15]}, {w[1], w[6], w[11], w[12]},
		{w[2], w[7], w[8], w[13]}, {w[3], w[4], w[9], w[14]},
	}
	return append(g.quarterRounds(columns), g.quarterRounds(diagonals)...)
}

// horizontal returns the steps of a double round of four blocks for each quarter, whose registers hold a row each. Between
// columns and diagonals the rows turn.
func (g *assembly) horizontal(quarters []quarter) []step {
	turn := func(b, c, d uint8) (steps []step) {
		for _, q := range quarters {
			steps = append(steps,
				func() { g.VPSHUFD(operand.U8(b), q.b, q.b) },
				func() { g.VPSHUFD(operand.U8(c), q.c, q.c) },
				func() { g.VPSHUFD(operand.U8(d), q.d, q.d) })
		}
		return steps
	}
	steps := append(g.quarterRounds(quarters), turn(0x39, 0x4e, 0x93)...)
	steps = append(steps, g.quarterRounds(quarters)...)
	return append(steps, turn(0x93, 0x4e, 0x39)...)
}

// interleave appends the steps of some independent sequences, each spread evenly from the first to the last.
func interleave(sequences ...[]step) {
	done := make([]int, len(sequences))
	for {
		next, least := -1, 2.0
		for i, sequence := range sequences {
			if done[i] == len(sequence) {
				continue
			}
			if share := float64(done[i]) / float64(len(sequence)); share < least {
				next, least = i, share
			}
		}
		if next < 0 {
			return
		}
		sequences[next][done[next]]()
		done[next]++
	}
}
