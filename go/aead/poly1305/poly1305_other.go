//go:build !amd64 || !gc || purego

package poly1305

// Sum panics.
func Sum(key *[32]byte, message []byte, associated, text int) (tag [16]byte) {
	panic("poly1305: called on a processor without AVX-512")
}
