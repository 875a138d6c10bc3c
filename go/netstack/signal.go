package netstack

import (
	"sync"

	"gvisor.dev/gvisor/pkg/waiter"
)

// A signal wakes a call that waits for an endpoint. One call at a time may wait for it.
type signal struct {
	entry waiter.Entry
	woken chan struct{}
}

// register makes the events of a queue wake the call.
func (s *signal) register(queue *waiter.Queue, events waiter.EventMask) {
	s.woken = make(chan struct{}, 1)
	s.entry.Init(s, events|waiter.EventErr|waiter.EventHUp)
	queue.EventRegister(&s.entry)
}

// NotifyEvent implements waiter.EventListener.
func (s *signal) NotifyEvent(waiter.EventMask) {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// A lazySignal is a signal that is registered once a call has to wait. A connection whose bytes others move by its
// endpoint needs none.
type lazySignal struct {
	mu     sync.Mutex
	signal *signal
	ended  bool
}

// channel returns the channel that wakes the call, which looks again before it waits if isNew. Once the signal has ended,
// it is nil.
func (l *lazySignal) channel(queue *waiter.Queue, events waiter.EventMask) (woken <-chan struct{}, isNew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil, true
	}
	if isNew = l.signal == nil; isNew {
		l.signal = new(signal)
		l.signal.register(queue, events)
	}
	return l.signal.woken, isNew
}

// end wakes the call, and lets no event wake another one.
func (l *lazySignal) end(queue *waiter.Queue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.signal != nil {
		l.signal.NotifyEvent(0)
		queue.EventUnregister(&l.signal.entry)
	}
}
