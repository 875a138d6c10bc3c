package inet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// slowChecksum is RFC 1071 word by word.
func slowChecksum(b []byte) uint16 {
	total := uint32(0)
	for i, v := range b {
		if i%2 == 0 {
			total += uint32(v) << 8
		} else {
			total += uint32(v)
		}
		total = total>>16 + total&0xffff
	}
	return ^uint16(total)
}

func TestChecksumsAreThoseOfRFC1071AtEachLength(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for length := range 600 {
		b := make([]byte, length)
		for i := range b {
			b[i] = byte(random.Uint32()) | byte(255*random.IntN(2))
		}
		want := slowChecksum(b)
		if got := Sum(0).Add(b).Checksum(); got != want {
			t.Fatalf("%d bytes: %04x, want %04x", length, got, want)
		}
		if got := Sum(0).addWords(b).Checksum(); got != want {
			t.Fatalf("%d bytes on any processor: %04x, want %04x", length, got, want)
		}
		half := length / 4 * 2
		if got := Sum(0).Add(b[:half]).Add(b[half:]).Checksum(); got != want {
			t.Fatalf("%d bytes in two parts: %04x, want %04x", length, got, want)
		}
	}
}

func TestALongSumDoesNotOverflow(t *testing.T) {
	b := bytes.Repeat([]byte{0xff}, MaxPacket)
	want := slowChecksum(b)
	if got := Sum(0).Add(b).Checksum(); got != want {
		t.Errorf("%04x, want %04x", got, want)
	}
	if got := Sum(1<<64 - 1).Add(b).Checksum(); got != want {
		t.Errorf("%04x after what overflows, want %04x", got, want)
	}
}

func TestAddingAndRemovingAWordKeepsTheChecksum(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		s, word := Sum(random.Uint64()|1), uint16(random.Uint32())
		if random.IntN(4) == 0 {
			s |= ^Sum(0xffff) // what it carries
		}
		var bytes [2]byte
		binary.BigEndian.PutUint16(bytes[:], word)
		if got, want := s.Add16(word).Checksum(), s.Add(bytes[:]).Checksum(); got != want {
			t.Fatalf("%x and %04x: %04x, want %04x", s, word, got, want)
		}
		if got, want := s.Add16(word).Sub16(word).Checksum(), s.Checksum(); got != want {
			t.Fatalf("%x without %04x: %04x, want %04x", s, word, got, want)
		}
	}
}
