package aead

import (
	"bytes"
	"testing"
)

// forgeryLengths have their last block in each layout of the assembly's passes, and their rest in each branch.
var forgeryLengths = []int{0, 1, 15, 16, 17, 63, 64, 65, 112, 113, 127, 128, 129, 256, 500, 960, 961, 1420, 1452, 1984, 1985, 2100}

// No bit of a message or of its tag can be flipped, and then nothing is written.
func TestEveryFlippedBitIsFound(t *testing.T) {
	requireSupport(t)
	for _, length := range forgeryLengths {
		e := newExample(length)
		out := make([]byte, length)
		for bit := range 8 * len(e.sealed) {
			forged := bytes.Clone(e.sealed)
			forged[bit/8] ^= 1 << (bit % 8)
			fill(out, 0xa5)
			if Open(out, &e.key, &e.nonce, forged) {
				t.Fatalf("of %d bytes, the flipped bit %d was not found", length, bit)
			}
			for _, value := range out {
				if value != 0xa5 {
					t.Fatalf("of %d bytes with the flipped bit %d, something was written", length, bit)
				}
			}
			before := bytes.Clone(forged)
			if Open(forged[:length], &e.key, &e.nonce, forged) || !bytes.Equal(before, forged) {
				t.Fatalf("of %d bytes with the flipped bit %d, in place, something was written", length, bit)
			}
		}
	}
}

func TestOtherLengthsKeysAndNoncesDoNotOpen(t *testing.T) {
	requireSupport(t)
	for _, length := range forgeryLengths {
		e := newExample(length)
		out := make([]byte, length+overhead)
		for cut := 1; cut <= min(len(e.sealed), 200); cut++ {
			if short := e.sealed[:len(e.sealed)-cut]; Open(out, &e.key, &e.nonce, short) {
				t.Errorf("%d bytes of %d open", len(short), len(e.sealed))
			}
		}
		if Open(out, &e.key, &e.nonce, append(bytes.Clone(e.sealed), 0)) {
			t.Errorf("%d bytes and one more open", length)
		}
		for i := range e.key {
			key := e.key
			key[i] ^= 0x80
			if Open(out, &key, &e.nonce, e.sealed) {
				t.Errorf("%d bytes open with another key", length)
			}
		}
		for i := range e.nonce {
			nonce := e.nonce
			nonce[i] ^= 1
			if Open(out, &e.key, &nonce, e.sealed) {
				t.Errorf("%d bytes open with another nonce", length)
			}
		}
	}
}
