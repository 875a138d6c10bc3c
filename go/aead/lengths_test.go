package aead

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const longest = 65535

// everyLength calls f for each length from 0 to 4,096 and some up to 65,535, among them all that lie near a boundary of
// the assembly's passes.
func everyLength(f func(int)) {
	for length := range 4097 {
		f(length)
	}
	for length := 4097; length <= longest; length += 509 {
		f(length)
	}
	for boundary := 2048 * 3; boundary <= longest; boundary += 2048 * 5 {
		for _, distance := range []int{-65, -64, -63, -17, -16, -1, 0, 1, 511, 1023, 1535} {
			f(boundary + distance)
		}
	}
	f(longest)
}

func TestEveryLengthAndAlignment(t *testing.T) {
	requireSupport(t)
	memory := [2][]byte{aligned(longest + 128), aligned(longest + 128)}
	everyLength(func(length int) {
		e := newExample(length)
		step := 1
		if length > 4096 {
			step = 9
		}
		for alignment := 0; alignment < 64; alignment += step {
			input := memory[0][alignment:][:length+overhead]
			e.check(t, input, input)
			e.check(t, input, memory[1][(alignment*5+3)%64:][:length+overhead])
		}
	})
}

// aligned returns memory that begins at a multiple of 64.
func aligned(size int) []byte {
	memory := make([]byte, size+63)
	return memory[-uintptr(unsafe.Pointer(unsafe.SliceData(memory)))&63:][:size]
}

// Between pages that cannot be read or written, each access outside of the buffers is a fault.
func TestNothingIsTouchedOutsideOfTheBuffers(t *testing.T) {
	requireSupport(t)
	input, output := guarded(t), guarded(t)
	everyLength(func(length int) {
		e := newExample(length)
		size := length + overhead
		atEnd := len(input) - size
		e.check(t, input[:size], output[:size])
		e.check(t, input[atEnd:], output[atEnd:])
		e.check(t, input[:size], input[:size])
		e.check(t, input[atEnd:], input[atEnd:])
		// Without the tag, which gives the plaintext some room.
		copy(input[len(input)-length:], e.plaintext)
		Seal(output, &e.key, &e.nonce, input[len(input)-length:])
		if !Open(input[len(input)-length:], &e.key, &e.nonce, output[:size]) {
			t.Fatalf("%d bytes do not open", length)
		}
	})
}

// Seal and Open write to out and nothing around it.
func TestNothingIsWrittenAroundTheOutput(t *testing.T) {
	requireSupport(t)
	memory := make([]byte, 64+4096+overhead+64)
	for length := range 4097 {
		e := newExample(length)
		fill(memory, 0xa5)
		Seal(memory[64:], &e.key, &e.nonce, e.plaintext)
		expectOnly(t, memory[:64], memory[64+length+overhead:], length)
		fill(memory, 0xa5)
		Open(memory[64:], &e.key, &e.nonce, e.sealed)
		expectOnly(t, memory[:64], memory[64+length:], length)
	}
}

func expectOnly(t *testing.T, before, behind []byte, length int) {
	t.Helper()
	for _, side := range [][]byte{before, behind} {
		for _, value := range side {
			if value != 0xa5 {
				t.Fatalf("with %d bytes, memory beside the output was written", length)
			}
		}
	}
}

// guarded maps memory for the longest packet. The pages before and behind it cannot be accessed.
func guarded(t *testing.T) []byte {
	t.Helper()
	page := unix.Getpagesize()
	size := (longest + overhead + page - 1) / page * page
	memory, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
	usable := memory[page:][:size:size]
	if err := unix.Mprotect(usable, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		t.Fatal(err)
	}
	return usable
}
