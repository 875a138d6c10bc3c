package aead

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

func addSeeds(f *testing.F) {
	for _, length := range []int{0, 1, 16, 64, 127, 128, 960, 1420, 2000, 4100} {
		e := newExample(length)
		f.Add(e.key[:], e.nonce[:], e.plaintext, uint16(0))
		f.Add(e.key[:], e.nonce[:], e.sealed, uint16(length))
	}
}

// FuzzSeal compares with golang.org/x/crypto: text repeated up to some length, sealed in place and apart.
func FuzzSeal(f *testing.F) {
	requireSupport(f)
	addSeeds(f)
	f.Fuzz(func(t *testing.T, key, nonce, text []byte, length uint16) {
		e := &example{plaintext: repeated(text, int(length))}
		copy(e.key[:], key)
		copy(e.nonce[:], nonce)
		e.seal()
		input := make([]byte, len(e.sealed))
		e.check(t, input, input)
		e.check(t, input, make([]byte, len(e.sealed)))
	})
}

// FuzzOpen compares with golang.org/x/crypto what opens: any bytes, and with their right tag in place of the last ones.
func FuzzOpen(f *testing.F) {
	requireSupport(f)
	addSeeds(f)
	f.Fuzz(func(t *testing.T, keyBytes, nonceBytes, text []byte, length uint16) {
		var key [32]byte
		var nonce [12]byte
		copy(key[:], keyBytes)
		copy(nonce[:], nonceBytes)
		stock, err := chacha20poly1305.New(key[:])
		if err != nil {
			t.Fatal(err)
		}
		sealed := repeated(text, int(length))
		compareOpen := func() {
			want, err := stock.Open(nil, nonce[:], sealed, nil)
			out := make([]byte, max(0, len(sealed)-overhead))
			if got := Open(out, &key, &nonce, sealed); got != (err == nil) {
				t.Fatalf("opens: %t, with golang.org/x/crypto: %v", got, err)
			}
			if err == nil && !bytes.Equal(out, want) {
				t.Fatal("the plaintext differs from golang.org/x/crypto's")
			}
			if err != nil && !bytes.Equal(out, make([]byte, len(out))) {
				t.Fatal("something was written")
			}
		}
		compareOpen()
		if len(sealed) < overhead {
			return
		}
		// Decrypted and encrypted again, the ciphertext is the same and has its tag.
		n := len(sealed) - overhead
		stream := stock.Seal(nil, nonce[:], make([]byte, n), nil)
		for i := range stream[:n] {
			stream[i] ^= sealed[i]
		}
		sealed = stock.Seal(nil, nonce[:], stream[:n], nil)
		compareOpen()
	})
}

// repeated returns text, repeated if length is more than its own.
func repeated(text []byte, length int) []byte {
	if length <= len(text) || len(text) == 0 {
		return text
	}
	return bytes.Repeat(text, length/len(text)+1)[:length]
}
