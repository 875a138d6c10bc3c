//go:build gc && !purego

package cipher

import "golang.org/x/sys/cpu"

// nameOfOwn names what x/crypto's own code uses: it decides by the same.
func nameOfOwn() string {
	if cpu.X86.HasSSSE3 && cpu.X86.HasAVX2 && cpu.X86.HasBMI2 {
		return "AVX2"
	}
	return generic
}
