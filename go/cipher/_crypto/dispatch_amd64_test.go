//go:build gc && !purego

package chacha20poly1305

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"wg-bridge/go/aead"
	"wg-bridge/go/cipher"
)

// TestMain runs all tests, x/crypto's as well, with AVX-512 or as WG_BRIDGE_DISABLE says.
func TestMain(m *testing.M) {
	if os.Getenv("WG_BRIDGE_DISABLE") == "avx512" {
		cipher.DoWithoutAVX512()
	}
	fmt.Println("ChaCha20-Poly1305:", cipher.Name())
	os.Exit(m.Run())
}

// filled returns so many bytes that look random, the same each time.
func filled(n int, seed byte) []byte {
	text := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(text) // it never fails
	return text
}

// lengths are those around every boundary.
func lengths() (all []int) {
	for _, boundary := range []int{0, 16, 64, aead.MinSeal, aead.MinOpen, 1024, 1420, 1500, 65536} {
		for n := max(0, boundary-3); n <= boundary+3; n++ {
			all = append(all, n)
		}
	}
	return all
}

func TestItAgreesWithXCryptosOwnCodeAtEveryBoundary(t *testing.T) {
	for _, n := range lengths() {
		for _, extra := range []int{0, 1, 16, 45} {
			for _, before := range []int{0, 5} {
				agree(t, n, extra, before)
			}
		}
	}
}

// agree compares both for a plaintext of n bytes and additional data of extra, appended to a slice with before bytes.
func agree(t *testing.T, n, extra, before int) {
	t.Helper()
	c := &chacha20poly1305{key: [KeySize]byte(filled(KeySize, 1))}
	nonce, plaintext, additional := filled(NonceSize, 2), filled(n, 3), filled(extra, 4)
	head := filled(before, 5)
	want := c.sealOwn(bytes.Clone(head), nonce, plaintext, additional)
	if got := c.Seal(bytes.Clone(head), nonce, plaintext, additional); !bytes.Equal(got, want) {
		t.Errorf("Seal of %d bytes with %d additional after %d differs", n, extra, before)
	}
	inPlace := append(bytes.Clone(plaintext), make([]byte, Overhead)...)[:n]
	if got := c.Seal(inPlace[:0], nonce, inPlace, additional); !bytes.Equal(got, want[before:]) {
		t.Errorf("Seal of %d bytes with %d additional in place differs", n, extra)
	}
	sealed := want[before:]
	got, err := c.Open(bytes.Clone(head), nonce, sealed, additional)
	if err != nil || !bytes.Equal(got, append(bytes.Clone(head), plaintext...)) {
		t.Errorf("Open of %d bytes with %d additional after %d: %v", n, extra, before, err)
	}
	inPlace = bytes.Clone(sealed)
	if got, err := c.Open(inPlace[:0], nonce, inPlace, additional); err != nil || !bytes.Equal(got, plaintext) {
		t.Errorf("Open of %d bytes with %d additional in place: %v", n, extra, err)
	}
	for _, at := range []int{0, len(sealed) - Overhead, len(sealed) - 1} {
		forged := bytes.Clone(sealed)
		forged[at] ^= 1
		out := bytes.Repeat([]byte{7}, n)
		if got, err := c.Open(out[:0], nonce, forged, additional); got != nil || err != errOpen {
			t.Errorf("Open of %d bytes, forged at %d: %v", n, at, err)
		}
		if !bytes.Equal(out, make([]byte, n)) {
			t.Errorf("Open of %d bytes, forged at %d, left something", n, at)
		}
	}
}

func TestOnlyWhatIsLongAndHasNoAdditionalDataUsesAVX512(t *testing.T) {
	if !aead.Supported() {
		t.Skip("this processor has no AVX-512 with IFMA")
	}
	offered := cipher.UsesAVX512()
	for _, least := range []int{aead.MinSeal, aead.MinOpen} {
		for _, length := range lengths() {
			if got := usesAVX512(length, least, nil); got != (offered && length >= least) {
				t.Errorf("%d bytes, of at least %d: %v", length, least, got)
			}
			if usesAVX512(length, least, []byte{1}) {
				t.Errorf("%d bytes with additional data use it", length)
			}
		}
	}
	restore := cipher.DoWithoutAVX512()
	if usesAVX512(1<<16, 0, nil) {
		t.Error("it is used while it is switched off")
	}
	restore()
}

func TestBuffersThatOverlapOtherwiseAreRefused(t *testing.T) {
	c := &chacha20poly1305{}
	nonce, buffer := make([]byte, NonceSize), make([]byte, 4096)
	refuses := func(what string, call func()) {
		t.Helper()
		defer func() {
			if said := recover(); said != errOverlap {
				t.Errorf("%s: %v", what, said)
			}
		}()
		call()
	}
	for _, n := range []int{aead.MinSeal - 1, aead.MinSeal, aead.MinOpen - 1, aead.MinOpen, 1420} {
		for _, shift := range []int{1, 16, n - 1} {
			refuses("Seal to the right", func() { c.Seal(buffer[shift:shift], nonce, buffer[:n], nil) })
			refuses("Seal to the left", func() { c.Seal(buffer[:0], nonce, buffer[shift:shift+n], nil) })
			refuses("Open to the right", func() { _, _ = c.Open(buffer[shift:shift], nonce, buffer[:n+Overhead], nil) })
			refuses("Open to the left", func() { _, _ = c.Open(buffer[:0], nonce, buffer[shift:shift+n+Overhead], nil) })
		}
	}
}
