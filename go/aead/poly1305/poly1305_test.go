package poly1305

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"testing"

	"wg-bridge/go/aead"
)

var (
	one   = big.NewInt(1)
	prime = new(big.Int).Sub(new(big.Int).Lsh(one, 130), big.NewInt(5))
)

// number reads a little-endian number.
func number(littleEndian []byte) *big.Int {
	n := new(big.Int)
	for i := len(littleEndian) - 1; i >= 0; i-- {
		n.Lsh(n, 8).Or(n, big.NewInt(int64(littleEndian[i])))
	}
	return n
}

// littleEndian writes the lowest 128 bits of a number.
func littleEndian(n *big.Int) (block [16]byte) {
	low := new(big.Int).And(n, new(big.Int).Sub(new(big.Int).Lsh(one, 128), one))
	low.FillBytes(block[:])
	for i := range 8 {
		block[i], block[15-i] = block[15-i], block[i]
	}
	return block
}

// r returns the first half of a key, with the bits cleared that RFC 8439 clears.
func r(key *[32]byte) *big.Int {
	mask, _ := new(big.Int).SetString("0ffffffc0ffffffc0ffffffc0fffffff", 16)
	return mask.And(mask, number(key[:16]))
}

// evaluate returns the polynomial of a message at r, modulo the prime. The last block may be shorter.
func evaluate(r *big.Int, message []byte) *big.Int {
	hash := new(big.Int)
	for len(message) > 0 {
		n := min(16, len(message))
		block := append(bytes.Clone(message[:n]), 1)
		hash.Add(hash, number(block)).Mul(hash, r).Mod(hash, prime)
		message = message[n:]
	}
	return hash
}

// reference is Poly1305 as RFC 8439 describes it.
func reference(key *[32]byte, message []byte) [16]byte {
	return littleEndian(new(big.Int).Add(evaluate(r(key), message), number(key[16:])))
}

// padded returns the whole blocks of a message and of its lengths.
func padded(message []byte, associated, text int) []byte {
	whole := append(bytes.Clone(message), make([]byte, -len(message)&15)...)
	whole = binary.LittleEndian.AppendUint64(whole, uint64(associated))
	return binary.LittleEndian.AppendUint64(whole, uint64(text))
}

func check(t *testing.T, key *[32]byte, message []byte, associated, text int) {
	t.Helper()
	want := reference(key, padded(message, associated, text))
	if got := Sum(key, message, associated, text); got != want {
		t.Fatalf("key %x, %d bytes %x: got %x, want %x", *key, len(message), message, got, want)
	}
}

func requireSupport(t *testing.T) {
	t.Helper()
	if !aead.Supported() {
		t.Skip("this processor has no AVX-512 with IFMA")
	}
}

// RFC 8439, section 2.5.2.
func TestTheReference(t *testing.T) {
	key, _ := hex.DecodeString("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
	tag := reference((*[32]byte)(key), []byte("Cryptographic Forum Research Group"))
	if got := hex.EncodeToString(tag[:]); got != "a8061dc1305136c6c22b8baf0c0127a9" {
		t.Error(got)
	}
}

// extremeKeys have r and s at their bounds: zero, one, the largest, and each limb of r largest alone or zero alone.
func extremeKeys() (keys [][32]byte) {
	limbs := []*big.Int{
		new(big.Int).Lsh(big.NewInt(1<<44-1), 0),
		new(big.Int).Lsh(big.NewInt(1<<44-1), 44),
		new(big.Int).Lsh(big.NewInt(1<<42-1), 88),
	}
	halves := [][16]byte{littleEndian(new(big.Int)), littleEndian(one)}
	for set := range 8 {
		sum := new(big.Int)
		for i, limb := range limbs {
			if set>>i&1 == 1 {
				sum.Or(sum, limb)
			}
		}
		halves = append(halves, littleEndian(sum))
	}
	for _, r := range halves {
		for _, s := range [][16]byte{littleEndian(new(big.Int)), littleEndian(one), halves[len(halves)-1]} {
			keys = append(keys, [32]byte(append(bytes.Clone(r[:]), s[:]...)))
		}
	}
	return keys
}

// Extreme keys with extreme messages of every number of blocks that leads to another path: the largest sums in each lane.
func TestExtremeLimbs(t *testing.T) {
	requireSupport(t)
	for _, key := range extremeKeys() {
		for _, value := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			message := bytes.Repeat([]byte{value}, 600)
			for n := range len(message) {
				if n < 20 || n%16 == 0 || n%128 == 113 {
					check(t, &key, message[:n], 0, n)
				}
			}
			check(t, &key, message, -1, -1)
		}
	}
}

// TestSumsNearThePrime chooses the last block so that the sum just before the last reduction is any number near 0, 2^128
// or the prime.
func TestSumsNearThePrime(t *testing.T) {
	requireSupport(t)
	random := rand.New(rand.NewPCG(1, 2))
	var targets []*big.Int
	for distance := int64(-8); distance <= 8; distance++ {
		for _, near := range []*big.Int{prime, new(big.Int).Lsh(one, 128), new(big.Int).Lsh(one, 129), new(big.Int).Lsh(one, 44), new(big.Int).Lsh(one, 88)} {
			target := new(big.Int).Add(near, big.NewInt(distance))
			targets = append(targets, target.Mod(target, prime))
		}
	}
	for _, blocks := range []int{1, 2, 7, 8, 9, 15, 16, 17, 24, 33, 40} {
		for _, target := range targets {
			key, message := messageFor(random, target, blocks)
			if evaluate(r(&key), padded(message, 0, len(message))).Cmp(target) != 0 {
				t.Fatal("the test's message does not lead to its target")
			}
			check(t, &key, message, 0, len(message))
			fill(key[16:], 0xff)
			check(t, &key, message, 0, len(message))
			fill(key[16:], 0)
			check(t, &key, message, 0, len(message))
		}
	}
}

// messageFor looks for a key and a message whose polynomial is the target.
func messageFor(random *rand.Rand, target *big.Int, blocks int) (key [32]byte, message []byte) {
	message = make([]byte, 16*blocks)
	last := message[16*blocks-16:]
	bit128 := new(big.Int).Lsh(one, 128)
	for {
		for i := range key {
			key[i] = byte(random.Uint32())
		}
		for i := range message {
			message[i] = byte(random.Uint32())
		}
		fill(last, 0)
		// Each unit of the last block counts r^2, as the block of the lengths follows.
		r := r(&key)
		missing := new(big.Int).Sub(target, evaluate(r, padded(message, 0, len(message))))
		missing.Mul(missing, new(big.Int).ModInverse(new(big.Int).Mul(r, r), prime)).Mod(missing, prime)
		if missing.Cmp(bit128) < 0 {
			found := littleEndian(missing)
			copy(last, found[:])
			return key, message
		}
	}
}

func TestRandomMessages(t *testing.T) {
	requireSupport(t)
	random := rand.NewChaCha8([32]byte{})
	for length := range 1000 {
		var key [32]byte
		message := make([]byte, length)
		_, _ = random.Read(key[:])
		_, _ = random.Read(message)
		check(t, &key, message, length/2, length)
	}
}

func fill(memory []byte, value byte) {
	for i := range memory {
		memory[i] = value
	}
}
