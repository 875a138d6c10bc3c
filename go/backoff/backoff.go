// Package backoff says how long to wait before something that failed is tried again, and how often to log that.
package backoff

import "time"

// The pause after the first failure is First. Each further one doubles it, up to Longest.
const (
	First   = time.Millisecond
	Longest = 250 * time.Millisecond
)

// FailuresALine is how many failures in a row take about a minute, once the pauses are the longest.
const FailuresALine = 240

// After returns the pause after the given number of failures in a row, of which there is at least one.
func After(failures int) time.Duration {
	if doublings := failures - 1; doublings < 8 {
		return min(First<<doublings, Longest)
	}
	return Longest
}

// IsWorthALine reports whether the log shall show this failure in a row: the first, and then one a minute.
func IsWorthALine(failures int) bool { return failures%FailuresALine == 1 }
