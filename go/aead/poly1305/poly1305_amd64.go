//go:build gc && !purego

// Package poly1305 is the Poly1305 inside go/aead's assembly, by itself: so tests can choose its key, the worst ones
// included. No program uses it.
package poly1305

import "unsafe"

// Sum returns the tag of a message padded with zeros to whole blocks, and of a last block with the two lengths. The
// processor must support go/aead.
func Sum(key *[32]byte, message []byte, associated, text int) (tag [16]byte) {
	sum(&tag, key, unsafe.SliceData(message), len(message), associated, text)
	return tag
}

//go:noescape
func sum(tag *[16]byte, key *[32]byte, message *byte, n, associated, text int)
