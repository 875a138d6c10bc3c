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

func TestAnEntryIsNoLargerForItsWait(t *testing.T) {
	type bare struct {
		flow     *flow
		sequence uint32
		ecn      ECN
	}
	if got, want := unsafe.Sizeof(entry{}), unsafe.Sizeof(bare{}); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}
