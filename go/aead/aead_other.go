//go:build !amd64 || !gc || purego

package aead

// The package exists on other processors only so that what imports it compiles there.

const (
	MinSeal = 0
	MinOpen = 0
)

const overhead = 16

// Supported returns false.
func Supported() bool { return false }

// Seal panics.
func Seal(out []byte, key *[32]byte, nonce *[12]byte, plaintext []byte) { panic(unsupported) }

// Open panics.
func Open(out []byte, key *[32]byte, nonce *[12]byte, ciphertext []byte) bool { panic(unsupported) }

const unsupported = "aead: called on a processor without AVX-512"
