package udp

import "time"

const (
	// queueTarget is how long a destination's outstanding bytes should take to leave: long enough to keep the
	// path busy, and short enough that a reply behind them is still of use.
	queueTarget = 100 * time.Millisecond
	// speedWindow is the time over which the speed of a path is measured.
	speedWindow = 50 * time.Millisecond
	// These bound how many bytes a destination may have outstanding, as the kernel accounts for them. The
	// initial limit is that of a path whose speed is not known yet.
	initialQueueLimit = 256 << 10
	minQueueLimit     = 32 << 10
	maxQueueLimit     = 2 * outletBuffer
)

// A queueLimit bounds what one destination may have outstanding to what its path sends in queueTarget, like the
// kernel's dynamic queue limits. It measures the path's speed by what has left between two sends.
type queueLimit struct {
	limit int // bytes, like all numbers here

	began       time.Time // of the current window, in which there has always been something outstanding
	left        int       // since then
	outstanding int       // after the latest send
}

// observe records what is outstanding before a send.
func (q *queueLimit) observe(outstanding int, now time.Time) {
	q.left += max(0, q.outstanding-outstanding)
	q.outstanding = outstanding
	elapsed := now.Sub(q.began)
	switch {
	case q.limit == 0:
		q.limit = initialQueueLimit
	case outstanding == 0:
		// The queue may have been empty for a while: the path is at least this fast.
		q.limit = max(q.limit, q.limitAfter(elapsed))
	case elapsed >= speedWindow:
		q.limit = q.limitAfter(elapsed)
	default:
		return
	}
	q.began, q.left = now, 0
}

// limitAfter returns what the path sends in queueTarget, judging by what it sent in the elapsed time.
func (q *queueLimit) limitAfter(elapsed time.Duration) int {
	bytes := float64(q.left) * float64(queueTarget) / float64(max(elapsed, 1))
	return int(min(max(bytes, minQueueLimit), maxQueueLimit))
}

// sent records what is outstanding after a send.
func (q *queueLimit) sent(outstanding int) { q.outstanding = outstanding }

// room returns how many bytes may be sent: none if it is 0 or negative.
func (q *queueLimit) room() int { return q.limit - q.outstanding }

// maxJoined returns how many packets of size bytes may leave as one message. The queues of interfaces count and
// drop whole messages: on a slow path a message of many packets would take long, and a queue of them very long.
func (q *queueLimit) maxJoined(size int) int {
	const messages = 8 // in the limit
	if q.outstanding >= q.limit/2 {
		return 1
	}
	return min(max(1, q.limit/messages/max(size, 1)), maxSegments)
}
