package inflight

import "time"

// A Wait is how long a packet waited before it entered the engine, in units of waitUnit. It is as small as the gap that
// an entry leaves, because there are thousands of entries.
type Wait uint16

const waitUnit = 32 * time.Microsecond

// WaitOf returns d rounded down, within what a Wait can hold: from 0 to 2 seconds.
func WaitOf(d time.Duration) Wait { return Wait(min(max(d/waitUnit, 0), 1<<16-1)) }

// Duration returns the wait as a duration.
func (w Wait) Duration() time.Duration { return time.Duration(w) * waitUnit }
