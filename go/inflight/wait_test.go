package inflight

import (
	"testing"
	"time"
	"unsafe"
)

func TestAWaitIsRoundedDownWithinBounds(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		-time.Second:          0,
		0:                     0,
		31 * time.Microsecond: 0,
		waitUnit:              waitUnit,
		time.Millisecond:      31 * waitUnit,
		time.Second:           31250 * waitUnit,
		time.Hour:             (1<<16 - 1) * waitUnit,
	} {
		if got := WaitOf(d).Duration(); got != want {
			t.Errorf("%v becomes %v, want %v", d, got, want)
		}
	}
}

// A pointer and 8 bytes, as without the wait.
func TestAnEntryIsNoLargerForItsWait(t *testing.T) {
	if got, want := unsafe.Sizeof(entry{}), unsafe.Sizeof(uintptr(0))+8; got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}
