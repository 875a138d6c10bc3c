package udp

import "time"

const (
	// queueTarget is how long what a destination has outstanding should take to leave: longer than a path
	// needs to be busy, and short enough that a reply behind it is of use.
	queueTarget = 100 * time.Millisecond
	// speedWindow is over how long the speed of a path is measured.
	speedWindow = 50 * time.Millisecond
	// These bound how many bytes a destination may have outstanding, as the kernel accounts for them. The
	// first is that of a path whose speed is not known yet.
	initialQueueLimit = 256 << 10
	minQueueLimit     = 32 << 10
	maxQueueLimit     = 2 * outletBuffer
)

// A drain limits what one destination may have outstanding to what its path takes in queueTarget. It
// learns that from what has left between two sends.
type drain struct {
	limit int // bytes, as all numbers here

	began       time.Time // of the present window; there is something outstanding since then
	left        int       // since then
	outstanding int       // after the last send
}

// observe notes what is outstanding before a send.
func (d *drain) observe(outstanding int, now time.Time) {
	d.left += max(0, d.outstanding-outstanding)
	d.outstanding = outstanding
	elapsed := now.Sub(d.began)
	switch {
	case d.limit == 0:
		d.limit = initialQueueLimit
	case outstanding == 0:
		// It may be empty for long: the path is at least as fast.
		d.limit = max(d.limit, d.bearable(elapsed))
	case elapsed >= speedWindow:
		d.limit = d.bearable(elapsed)
	default:
		return
	}
	d.began, d.left = now, 0
}

// bearable returns what the path takes in queueTarget, by what it took in the elapsed time.
func (d *drain) bearable(elapsed time.Duration) int {
	bytes := float64(d.left) * float64(queueTarget) / float64(max(elapsed, 1))
	return int(min(max(bytes, minQueueLimit), maxQueueLimit))
}

// sent notes what is outstanding after a send.
func (d *drain) sent(outstanding int) { d.outstanding = outstanding }

// room returns how many bytes may be sent, which is not more than 0 if none may.
func (d *drain) room() int { return d.limit - d.outstanding }

// maxJoined returns how many packets of size bytes may leave as one message. The queues of interfaces
// count and drop whole messages: on a slow path one of many packets would take long, and a queue of them
// very long.
func (d *drain) maxJoined(size int) int {
	const messages = 8 // of the limit
	if d.outstanding >= d.limit/2 {
		return 1
	}
	return min(max(1, d.limit/messages/max(size, 1)), maxSegments)
}
