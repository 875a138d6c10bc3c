package tun

import (
	"time"

	"golang.org/x/sys/unix"
)

// refusalHolds is how long packets of a kind are written one by one after the kernel refused a joined one.
const refusalHolds = time.Minute

// refusals are the kinds of packets that the kernel refuses if they are joined, though it said that it
// could cut them, as Linux 6.10.3 and 6.6.44 do. The zero value is none.
type refusals struct {
	at   [kinds]time.Time // zero if not refused
	told [kinds]bool
	any  bool
}

// isRefusal tells what will be so for the next joined packet, too, from a passing failure.
func isRefusal(err error) bool { return err != unix.ENOMEM && err != unix.ENOBUFS }

// add remembers a refusal, and reports whether it is the first of its kind.
func (r *refusals) add(k kind, now time.Time) (first bool) {
	first = !r.told[k]
	r.at[k], r.told[k], r.any = now, true, true
	return first
}

// expire forgets the refusals that no longer hold, and sets their kinds in joins.
func (r *refusals) expire(joins *[kinds]bool, now time.Time) {
	r.any = false
	for k, at := range r.at {
		switch {
		case at.IsZero():
		case now.Sub(at) < refusalHolds:
			r.any = true
		default:
			r.at[k], joins[k] = time.Time{}, true
		}
	}
}
