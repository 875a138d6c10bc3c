package udp

import (
	"fmt"
	"time"

	"wg-bridge/go/backoff"
)

// maxFailures in a row take ten minutes. Receiving fails while the kernel is short of memory (ENOMEM, ENOBUFS).
// After that time the error no longer counts as transient.
const maxFailures = 10 * backoff.FailuresPerLine

// failures counts the failures in a row of one receiver, and logs them. Its functions must be set.
//
// The engine alone would retry ten times within three seconds, and then give up, which it logs at verbose level
// only: the tunnel would no longer receive in that address family.
type failures struct {
	logf, errorf func(format string, arguments ...any)
	failed       func(error) // called when the receiver gives up
	count        int
}

// pause records another failure to receive at a local address. It returns how long to wait before the next attempt,
// or false to give up.
func (f *failures) pause(at string, err error) (time.Duration, bool) {
	f.count++
	if f.count > maxFailures {
		return 0, false
	}
	if backoff.ShouldLog(f.count) {
		f.errorf("UDP bind: cannot receive at %s, retrying: %v", at, err)
	}
	return backoff.After(f.count), true
}

// giveUp reports that nothing more will be received at a local address, and returns the error.
func (f *failures) giveUp(at string, err error) error {
	err = fmt.Errorf("receiving at %s failed %d times in a row: %w", at, f.count-1, err)
	f.failed(err)
	return err
}

// end records a success after failures.
func (f *failures) end(at string) {
	f.logf("UDP bind: receiving at %s again (failed attempts: %d)", at, f.count)
	f.count = 0
}
