package netstack

import (
	"sync"
	"time"
)

// A deadline ends calls that wait: its channel is closed once the time has come. The zero value never ends any.
type deadline struct {
	mu      sync.Mutex
	timer   *time.Timer
	at      time.Time     // zero if there is none
	expired chan struct{} // nil until a call waits or a time is set
	done    bool          // expired is closed
}

// set changes the time, also for calls that wait already. The zero time never comes.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.done {
		d.expired, d.done = nil, false
	}
	d.at = t
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		close(d.channel())
		d.done = true
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.timer == timer { // otherwise another time was set meanwhile
			d.timer, d.done = nil, true
			close(d.expired)
		}
	})
	d.timer = timer
	d.channel()
}

func (d *deadline) channel() chan struct{} {
	if d.expired == nil {
		d.expired = make(chan struct{})
	}
	return d.expired
}

// wait returns the channel that is closed when the time has come.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.channel()
}

// isOver reports whether the time has come.
func (d *deadline) isOver() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done || !d.at.IsZero() && !time.Now().Before(d.at)
}
