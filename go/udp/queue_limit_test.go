package udp

import (
	"testing"
	"time"
)

// drained returns the limit for a path of a speed in bytes a second, and the longest queue, after five seconds in which
// offered bytes are offered each millisecond.
func drained(t *testing.T, speed int, offered int) (d queueLimit, longest int) {
	t.Helper()
	now, queue := time.Unix(0, 0), 0
	const step = time.Millisecond
	for range 5 * time.Second / step {
		now = now.Add(step)
		queue = max(0, queue-speed/int(time.Second/step))
		d.observe(queue, now)
		queue += min(max(0, d.room()), offered)
		d.sent(queue)
		if now.After(time.Unix(4, 0)) { // The first bytes have left.
			longest = max(longest, queue)
		}
	}
	return d, longest
}

func TestADestinationHasOutstandingWhatItsPathSendsInATenthOfASecond(t *testing.T) {
	for speed, want := range map[int]int{
		100 << 10:  minQueueLimit,
		1 << 20:    (1 << 20) / 10,
		5 << 20:    (5 << 20) / 10,
		100 << 20:  maxQueueLimit,
		1000 << 20: maxQueueLimit,
	} {
		d, longest := drained(t, speed, 1<<20)
		if d.limit < want*9/10 || d.limit > want*11/10 {
			t.Errorf("at %d bytes a second the limit is %d, want about %d", speed, d.limit, want)
		}
		if longest > want*11/10 {
			t.Errorf("at %d bytes a second %d are outstanding, want about %d", speed, longest, want)
		}
	}
}

func TestAPathThatBecomesFasterMayHaveMoreOutstanding(t *testing.T) {
	d, _ := drained(t, 100<<10, 1<<20)
	now, queue := time.Unix(5, 0), 0
	for range 100 { // All that is sent has left by the next observation.
		now = now.Add(time.Millisecond)
		d.observe(0, now)
		queue = max(0, d.room())
		d.sent(queue)
	}
	if d.limit != maxQueueLimit {
		t.Errorf("the limit is still %d", d.limit)
	}
}

func TestTheLimitOfAnIdlePathStays(t *testing.T) {
	var d queueLimit
	now := time.Unix(0, 0)
	d.observe(0, now)
	for range 100 {
		now = now.Add(time.Second)
		d.sent(1500)
		d.observe(0, now)
	}
	if d.limit != initialQueueLimit {
		t.Errorf("the limit is %d, want %d", d.limit, initialQueueLimit)
	}
}

func TestMessagesAreShortIfAPathIsSlow(t *testing.T) {
	for _, test := range []struct{ limit, outstanding, want int }{
		{maxQueueLimit, 0, maxSegments},
		{maxQueueLimit, maxQueueLimit / 2, 1},
		{initialQueueLimit, 0, 22},
		{minQueueLimit, 0, 2},
	} {
		d := queueLimit{limit: test.limit, outstanding: test.outstanding}
		if got := d.maxJoined(1452); got != test.want {
			t.Errorf("limit %d, %d outstanding: %d packets a message, want %d", test.limit, test.outstanding, got, test.want)
		}
	}
	if got := (&queueLimit{limit: initialQueueLimit}).maxJoined(0); got < 1 {
		t.Errorf("%d packets without bytes a message", got)
	}
}
