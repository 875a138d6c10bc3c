package aead

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unsafe"

	"golang.org/x/crypto/chacha20"
)

// TestNoSecretStaysOnTheStack looks at the stack below a call for the key, for the keystream with Poly1305's key at its
// beginning, and for r in limbs.
func TestNoSecretStaysOnTheStack(t *testing.T) {
	requireSupport(t)
	for _, length := range []int{0, 100, 500, 1000, 1420, 1900, 2100, 5000} {
		e := newExample(length)
		forged := bytes.Clone(e.sealed)
		forged[0] ^= 1
		secrets := e.secrets(t)
		out := make([]byte, length+overhead)
		for _, call := range []struct {
			name string
			call func()
		}{
			{"Seal", func() { Seal(out, &e.key, &e.nonce, e.plaintext) }},
			{"Open", func() { Open(out, &e.key, &e.nonce, e.sealed) }},
			{"Open of a forgery", func() { Open(out, &e.key, &e.nonce, forged) }},
		} {
			for name, secret := range secrets {
				if stackBelow(call.call, secret) {
					t.Errorf("%s of %d bytes left %s on the stack", call.name, length, name)
				}
			}
		}
	}
}

// TestTheStackIsSearched plants what the test above looks for.
func TestTheStackIsSearched(t *testing.T) {
	secret := []byte("a secret of some bytes")
	if !stackBelow(func() { plant(secret) }, secret) {
		t.Error("what lies on the stack is not found")
	}
}

//go:noinline
func plant(secret []byte) {
	var local [2048]byte
	copy(local[100:], secret)
	last = local[100+len(secret)-1]
}

// secrets returns pieces of eight bytes and more that a call must not leave.
func (e *example) secrets(t *testing.T) map[string][]byte {
	t.Helper()
	cipher, err := chacha20.NewUnauthenticatedCipher(e.key[:], e.nonce[:])
	if err != nil {
		t.Fatal(err)
	}
	stream := make([]byte, 2048)
	cipher.XORKeyStream(stream, stream)
	secrets := map[string][]byte{
		"the first half of the key":  e.key[:16],
		"the second half of the key": e.key[16:],
		"the unclamped r":            stream[:16],
		"s":                          stream[16:32],
	}
	for i := 64; i < len(stream); i += 256 {
		secrets["keystream"+string(rune('0'+i/256))] = stream[i : i+16]
	}
	// The lowest limb of r, as the table of powers has it: r^1 is the last of its row, and zeros follow.
	limb := binary.LittleEndian.Uint64(stream) & 0x0ffffffc0fffffff & (1<<44 - 1)
	secrets["r"] = append(binary.LittleEndian.AppendUint64(nil, limb), make([]byte, 8)...)
	return secrets
}

// stackBelow reports whether the bytes lie on the stack below this function after a call.
//
//go:noinline
func stackBelow(call func(), wanted []byte) bool {
	const depth = 6 << 10
	grow()
	call()
	var here byte
	return search(unsafe.Pointer(&here), depth, wanted)
}

// grow makes the stack so deep that what is searched belongs to it.
//
//go:noinline
func grow() {
	var local [16 << 10]byte
	last = local[cap(sizes)]
}

// Package variables, so that the compiler keeps what is written to them.
var (
	last  byte
	sizes []int
)

// search compares without a copy of the wanted bytes on the stack.
//
//go:noinline
//go:nocheckptr
func search(end unsafe.Pointer, depth int, wanted []byte) bool {
	for offset := -depth; offset < -len(wanted); offset++ {
		i := 0
		for i < len(wanted) && *(*byte)(unsafe.Add(end, offset+i)) == wanted[i] {
			i++
		}
		if i == len(wanted) {
			return true
		}
	}
	return false
}
