package udp

import (
	"fmt"
	"time"

	"wg-bridge/go/backoff"
)

// maxFailures in a row take ten minutes. Receiving can fail for as long as the kernel lacks memory (ENOMEM,
// ENOBUFS); after that time the error is not one that passes.
const maxFailures = 10 * backoff.FailuresPerLine

// failures counts those of one receiver in a row, and says so in the log. Its functions must be set.
//
// The engine would try again ten times within three seconds, then no more, and say so at verbose level
// alone: the tunnel would be deaf in that address family.
type failures struct {
	logf, errorf func(format string, arguments ...any)
	failed       func(error) // called when there is to be no next attempt
	count        int
}

// pause takes another failure to receive at a local address, and returns how long to wait before the
// next attempt, or false if there is to be none.
func (f *failures) pause(at string, err error) (time.Duration, bool) {
	f.count++
	if f.count > maxFailures {
		return 0, false
	}
	if backoff.ShouldLog(f.count) {
		f.errorf("UDP bind: cannot receive at %s, trying again: %v", at, err)
	}
	return backoff.After(f.count), true
}

// giveUp says that nothing more will be received at a local address, and returns why.
func (f *failures) giveUp(at string, err error) error {
	err = fmt.Errorf("receiving at %s failed %d times in a row: %w", at, f.count-1, err)
	f.failed(err)
	return err
}

// end takes a success.
func (f *failures) end(at string) {
	f.logf("UDP bind: receiving at %s again, after %d failures", at, f.count)
	f.count = 0
}
