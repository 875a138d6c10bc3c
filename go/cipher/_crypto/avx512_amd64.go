//go:build gc && !purego

package chacha20poly1305

import (
	"golang.org/x/crypto/internal/alias"

	"wg-bridge/go/aead"
	"wg-bridge/go/cipher"
)

// This file is part of the copy of golang.org/x/crypto that scripts/crypto makes. There, x/crypto's own seal and open for
// amd64 are called sealOwn and openOwn. They get what is short, which they do as fast, and what has additional data.

func init() {
	if aead.Supported() {
		cipher.Offer()
	}
}

// usesAVX512 reports whether go/aead gets a packet of this length; from least on, it is faster.
func usesAVX512(length, least int, additionalData []byte) bool {
	return length >= least && len(additionalData) == 0 && cipher.UsesAVX512()
}

const errOverlap = "chacha20poly1305: invalid buffer overlap of output and input"

func (c *chacha20poly1305) seal(dst, nonce, plaintext, additionalData []byte) []byte {
	if !usesAVX512(len(plaintext), aead.MinSeal, additionalData) {
		return c.sealOwn(dst, nonce, plaintext, additionalData)
	}
	all, out := sliceForAppend(dst, len(plaintext)+Overhead)
	if alias.InexactOverlap(out, plaintext) {
		panic(errOverlap)
	}
	aead.Seal(out, &c.key, (*[NonceSize]byte)(nonce), plaintext)
	return all
}

func (c *chacha20poly1305) open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	if !usesAVX512(len(ciphertext), aead.MinOpen, additionalData) {
		return c.openOwn(dst, nonce, ciphertext, additionalData)
	}
	length := len(ciphertext) - Overhead
	all, out := sliceForAppend(dst, length)
	if alias.InexactOverlap(out, ciphertext[:length]) {
		panic(errOverlap)
	}
	if !aead.Open(out, &c.key, (*[NonceSize]byte)(nonce), ciphertext) {
		clear(out)
		return nil, errOpen
	}
	return all, nil
}
