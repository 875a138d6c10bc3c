package netstack

import (
	"time"

	"gvisor.dev/gvisor/pkg/buffer"

	"wg-bridge/go/aqm"
	"wg-bridge/go/reordering"
)

// late keeps reports of what is missing from the stack while it may only be late: without RACK, which is off, the stack
// cannot tell that from a loss. The writer's lock guards it.
type late struct {
	table reordering.Table
	timer *time.Timer
	next  time.Time // when the timer fires; zero while it is stopped
}

// lateInterval is the shortest time for which the timer is set. What is due sooner waits for as long.
const lateInterval = 250 * time.Microsecond

// newLate returns one that has due called when something that was kept is to be delivered.
func newLate(queue *aqm.Queue, due func()) *late {
	l := &late{table: reordering.Table{RoundTrip: queue.RoundTrip}, timer: time.AfterFunc(time.Hour, due)}
	l.timer.Stop()
	return l
}

// arm starts the timer if something is due before it fires.
func (l *late) arm() {
	next := l.table.Next()
	if next.IsZero() || !l.next.IsZero() && !next.Before(l.next) {
		return
	}
	l.next = next
	l.timer.Reset(max(time.Until(next), lateInterval))
}

// deliverLate delivers what was kept and is due.
func (d *Device) deliverLate() {
	w := d.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.isClosed() {
		return
	}
	w.late.next = time.Time{}
	for _, packet := range w.late.table.Due(time.Now()) {
		d.link.deliver(buffer.MakeWithData(packet), packet[0]>>4, true)
	}
	w.late.arm()
}
