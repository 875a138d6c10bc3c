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

// doubleRound is the steps of the column round and of the diagonal round of a group of blocks.
type doubleRound [2][]step

// vertical returns the double round of 16 blocks, of which register i holds word i.
func (g *assembly) vertical(w []vector) doubleRound {
	return doubleRound{
		g.quarterRounds([]quarter{
			{w[0], w[4], w[8], w[12]}, {w[1], w[5], w[9], w[13]},
			{w[2], w[6], w[10], w[14]}, {w[3], w[7], w[11], w[15]},
		}),
		g.quarterRounds([]quarter{
			{w[0], w[5], w[10], w[15]}, {w[1], w[6], w[11], w[12]},
			{w[2], w[7], w[8], w[13]}, {w[3], w[4], w[9], w[14]},
		}),
	}
}

// horizontal returns the double round of four blocks for each quarter, whose registers hold a row each. Between columns
// and diagonals the rows turn. Row b stays and the others turn around it, because b is what a quarter round ends and
// begins with: nothing waits for the shuffles.
func (g *assembly) horizontal(quarters []quarter) doubleRound {
	turn := func(a, c, d uint8) (steps []step) {
		for _, q := range quarters {
			steps = append(steps,
				func() { g.VPSHUFD(operand.U8(a), q.a, q.a) },
				func() { g.VPSHUFD(operand.U8(d), q.d, q.d) },
				func() { g.VPSHUFD(operand.U8(c), q.c, q.c) })
		}
		return steps
	}
	const left, across, right = 0x39, 0x4e, 0x93
	return doubleRound{
		append(g.quarterRounds(quarters), turn(right, left, across)...),
		append(g.quarterRounds(quarters), turn(left, right, across)...),
	}
}

// alternate appends the columns of each group, then the diagonals of each. What the groups do overlaps, as they do not
// depend on each other; alternating more finely is slower.
func alternate(groups []doubleRound) {
	for half := range 2 {
		for _, group := range groups {
			for _, instruction := range group[half] {
				instruction()
			}
		}
	}
}
