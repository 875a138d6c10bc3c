package descriptors

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// count returns how many descriptors this process holds, and the highest.
func count(t *testing.T) (held int, highest uint64) {
	t.Helper()
	for fd := range uint64(100) {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			held, highest = held+1, fd
		}
	}
	return held, highest
}

func TestWhatIsMissingIsSaidAndNothingStaysOpen(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	// The kernel gives the lowest number that is free: without gaps the limit says how many are left.
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	held, highest := count(t)
	limit := unix.Rlimit{Cur: highest + 1 + 3, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	free := int(highest) + 1 - held + 3
	enough, tooFew := Require(free), Require(free+1)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if enough != nil {
		t.Errorf("Require(%d) = %v", free, enough)
	}
	if !errors.Is(tooFew, unix.EMFILE) || !strings.Contains(tooFew.Error(), "and there are ") {
		t.Errorf("Require(%d) = %v, want EMFILE", free+1, tooFew)
	}
	if now, _ := count(t); now != held {
		t.Errorf("%d descriptors before, %d after", held, now)
	}
}
