package tun

import "golang.org/x/sys/cpu"

// blockSize is how many bytes sumBlocks takes at a time.
const blockSize = 64

// sumBlocks sums as many blocks, at least one, with AVX2. The result has no more than 48 bits and those
// of the blocks' number.
//
//go:noescape
func sumBlocks(first *byte, blocks int) uint64

// addBlocks continues the sum over whole blocks at the beginning of b, where the processor is good at
// that, and returns the rest of b.
func (s sum) addBlocks(b []byte) (sum, []byte) {
	blocks := len(b) / blockSize
	if blocks == 0 || !cpu.X86.HasAVX2 {
		return s, b
	}
	return s.add64(sumBlocks(&b[0], blocks)), b[blocks*blockSize:]
}
