package inet

import "golang.org/x/sys/cpu"

// blockSize is how many bytes sumBlocks sums at a time.
const blockSize = 64

// sumBlocks sums blocks, at least one, with AVX2. The result has at most 48 bits plus those of the number of
// blocks.
//
//go:noescape
func sumBlocks(first *byte, blocks int) uint64

// addBlocks continues the sum over the whole blocks at the beginning of b, if the processor has AVX2, and returns
// the rest of b.
func (s Sum) addBlocks(b []byte) (Sum, []byte) {
	blocks := len(b) / blockSize
	if blocks == 0 || !cpu.X86.HasAVX2 {
		return s, b
	}
	return s.add64(sumBlocks(&b[0], blocks)), b[blocks*blockSize:]
}
