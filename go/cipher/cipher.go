// Package cipher knows by which instructions ChaCha20-Poly1305 runs in this process, and switches AVX-512 off.
//
// The engine takes the cipher from golang.org/x/crypto. scripts/crypto makes a copy of that module whose packets of
// some length go to go/aead, if the processor has AVX-512 and nobody has switched it off; all others stay with
// x/crypto's own code. Programs are built with the copy. Where the go command is used alone, as in most tests, AVX-512 is
// in no program.
package cipher

import "sync/atomic"

// generic is the name of what has no assembly.
const generic = "generic"

// avx512 says that this program was built with go/aead, and that the processor can run it. It is written before main.
var avx512 bool

// withouts counts who does without AVX-512 at the moment.
var withouts atomic.Int32

// Offer says that packets can be given to go/aead. The copy of x/crypto calls it when the program starts.
func Offer() { avx512 = true }

// UsesAVX512 reports whether packets are to be given to go/aead.
func UsesAVX512() bool { return avx512 && withouts.Load() == 0 }

// DoWithoutAVX512 switches AVX-512 off until restore is called as often. It counts for the whole process, because the
// engine's sessions do not say whose they are.
func DoWithoutAVX512() (restore func()) {
	withouts.Add(1)
	return func() { withouts.Add(-1) }
}

// Name names the instructions that are used now: "AVX-512", "AVX2", "NEON", "VSX", "VX", "LSX", or "generic" for Go
// alone. Long packets are meant: the shortest ones may be quicker with others.
func Name() string {
	if UsesAVX512() {
		return "AVX-512"
	}
	return nameOfOwn()
}
