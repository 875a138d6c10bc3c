package aead

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// example is a packet as golang.org/x/crypto seals it.
type example struct {
	key       [32]byte
	nonce     [12]byte
	plaintext []byte
	sealed    []byte
}

// newExample makes a packet of some length, whose bytes follow from the length. Every seventh has long runs of ones, of
// which the ciphertext is all ones in every fourteenth: the largest numbers that Poly1305 sees.
func newExample(length int) *example {
	e := &example{plaintext: make([]byte, length)}
	random := rand.NewChaCha8([32]byte{byte(length), byte(length >> 8)})
	_, _ = random.Read(e.key[:])
	_, _ = random.Read(e.nonce[:])
	_, _ = random.Read(e.plaintext)
	if length%7 == 0 {
		fill(e.plaintext, 0xff)
	}
	e.seal()
	if length%14 == 0 {
		for i := range e.plaintext {
			e.plaintext[i] ^= ^e.sealed[i]
		}
		e.seal()
	}
	return e
}

func (e *example) seal() {
	stock, err := chacha20poly1305.New(e.key[:])
	if err != nil {
		panic(err)
	}
	e.sealed = stock.Seal(nil, e.nonce[:], e.plaintext, nil)
}

// check seals and opens the example. input and output are as long as the sealed packet, and may be the same memory.
func (e *example) check(t testing.TB, input, output []byte) {
	t.Helper()
	n := len(e.plaintext)
	copy(input, e.plaintext)
	Seal(output, &e.key, &e.nonce, input[:n])
	if !bytes.Equal(output[:n], e.sealed[:n]) {
		t.Fatalf("of %d bytes, the ciphertext differs from golang.org/x/crypto's", n)
	}
	if !bytes.Equal(output[n:], e.sealed[n:]) {
		t.Fatalf("of %d bytes, the tag is %x and golang.org/x/crypto's %x", n, output[n:], e.sealed[n:])
	}
	copy(input, e.sealed)
	if !Open(output[:n], &e.key, &e.nonce, input) {
		t.Fatalf("of %d bytes, what golang.org/x/crypto sealed does not open", n)
	}
	if !bytes.Equal(output[:n], e.plaintext) {
		t.Fatalf("of %d bytes, the plaintext is another", n)
	}
}

func fill(memory []byte, value byte) {
	for i := range memory {
		memory[i] = value
	}
}

func requireSupport(t testing.TB) {
	t.Helper()
	if !Supported() {
		t.Skip("this processor has no AVX-512 with IFMA")
	}
}
