// Package backoff spaces out the retries of something that keeps failing, and the log lines about it.
package backoff

import "time"

// The pause after the first failure is Initial. Each further failure doubles it, up to Max.
const (
	Initial = time.Millisecond
	Max     = 250 * time.Millisecond
)

// FailuresPerLine is how many failures in a row take about a minute, once the pauses have reached Max.
const FailuresPerLine = 240

// After returns the pause after the given number of failures in a row, at least 1.
func After(failures int) time.Duration {
	if doublings := failures - 1; doublings < 8 {
		return min(Initial<<doublings, Max)
	}
	return Max
}

// ShouldLog reports whether to log this failure in a row: the first, and then about one a minute.
func ShouldLog(failures int) bool { return failures%FailuresPerLine == 1 }

// Wait waits for the pause after the given number of failures in a row. It returns false if stop is closed first.
func Wait(failures int, stop <-chan struct{}) bool {
	select {
	case <-time.After(After(failures)):
		return true
	case <-stop:
		return false
	}
}
