//go:build gc && !purego

// Package aead is ChaCha20-Poly1305 (RFC 8439) without associated data, for amd64 processors that have AVX-512 with IFMA.
//
// The assembly is generated: go/aead/generate writes it, and docs/aead.md describes it. Programs are
// built with a copy of golang.org/x/crypto/chacha20poly1305 that decides when it is used, by go/cipher/_crypto.
package aead

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// MinSeal and MinOpen are the lengths of plaintext and of ciphertext from which on Seal and Open are faster than
// golang.org/x/crypto's assembly for AVX2. Shorter packets give the right result as well.
const (
	MinSeal = 128
	MinOpen = 256
)

// overhead is the length of the tag.
const overhead = 16

// Supported reports whether the processor and the operating system allow Seal and Open to be called.
func Supported() bool {
	return cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ &&
		cpu.X86.HasAVX512IFMA && cpu.X86.HasAVX2 && cpu.X86.HasBMI2
}

// Seal encrypts plaintext and writes it to out, with the tag behind it: 16 bytes more. The plaintext is shorter than
// 2^38-64 bytes. Either out begins where the plaintext does, or they do not overlap.
func Seal(out []byte, key *[32]byte, nonce *[12]byte, plaintext []byte) {
	out = out[:len(plaintext)+overhead]
	seal(unsafe.SliceData(out), key, nonce, unsafe.SliceData(plaintext), len(plaintext))
}

// Open verifies a ciphertext with its tag and decrypts it to out: 16 bytes less. If it is not authentic, Open returns
// false and leaves out as it was. Either out begins where the ciphertext does, or they do not overlap.
func Open(out []byte, key *[32]byte, nonce *[12]byte, ciphertext []byte) bool {
	if len(ciphertext) < overhead {
		return false
	}
	out = out[:len(ciphertext)-overhead]
	return open(unsafe.SliceData(out), key, nonce, unsafe.SliceData(ciphertext), len(out))
}

//go:noescape
func seal(out *byte, key *[32]byte, nonce *[12]byte, in *byte, n int)

//go:noescape
func open(out *byte, key *[32]byte, nonce *[12]byte, in *byte, n int) (authentic bool)
