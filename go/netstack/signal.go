package netstack

import "gvisor.dev/gvisor/pkg/waiter"

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
