package udp

import (
	"time"
)

// Receiving can fail for as long as the kernel lacks memory (ENOMEM, ENOBUFS). It is tried again after
// firstPause, then after twice that, and so on, up to longestPause.
const (
	firstPause   = time.Millisecond
	longestPause = 250 * time.Millisecond
	// mostFailures in a row take ten minutes. Then the error is not one that passes.
	mostFailures = 2400
	// failuresALine is a minute of them.
	failuresALine = 240
)

// failures counts those of one receiver in a row, and says so in the log. Its functions must be set.
//
// The engine would try again ten times within three seconds, then no more, and say so at verbose level
// alone: the tunnel would be deaf in that address family.
type failures struct {
	logf, errorf func(format string, arguments ...any)
	count        int
}

// pause takes another failure to receive at a local address, and returns how long to wait before the
// next attempt, or false if there is to be none.
func (f *failures) pause(at string, err error) (time.Duration, bool) {
	f.count++
	if f.count > mostFailures {
		f.errorf("UDP bind: no longer trying to receive at %s after %d failures: %v", at, f.count, err)
		return 0, false
	}
	if f.count%failuresALine == 1 {
		f.errorf("UDP bind: cannot receive at %s, trying again: %v", at, err)
	}
	wait := longestPause
	if doublings := f.count - 1; doublings < 8 {
		wait = min(firstPause<<doublings, longestPause)
	}
	return wait, true
}

// end takes a success.
func (f *failures) end(at string) {
	f.logf("UDP bind: receiving at %s again, after %d failures", at, f.count)
	f.count = 0
}
