package station

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// An outbound pump moves bytes from the client to the tunnel: out of the socket straight into the stack's buffers. It has
// a goroutine, which another one with less memory relieves while there is nothing to do: see warmth.
type outbound struct {
	*stream
	entry   waiter.Entry
	stalled atomic.Bool // it waits for room in the tunnel's buffer
	isShut  bool        // the tunnel's side has been ended
	called  bool        // this goroutine has called the stack
	warmth  warmth      // of this goroutine
	move    func(fd uintptr) bool

	// The outcome of one call of collect.
	isIdle  bool // the socket is empty, and another goroutine is to wait
	isOver  bool // the client has ended its side
	err     error
	failure tcpip.Error
}

// errRelieved says that another goroutine should go on.
var errRelieved = errors.New("the pump is relieved")

// start starts the pump.
func (p *outbound) start() {
	p.move = p.collect
	p.entry.Init(p, waiter.WritableEvents|waiter.EventHUp|waiter.EventErr)
	p.conn.Queue().EventRegister(&p.entry)
	go p.run()
}

// NotifyEvent implements waiter.EventListener: there may be room again, or the connection has failed. A failure is the
// inbound pump's to notice, unless that has met the end of the data. The stack calls this while it holds locks.
func (p *outbound) NotifyEvent(events waiter.EventMask) {
	isFailure := p.received.Load() && events&(waiter.EventHUp|waiter.EventErr) != 0
	if p.stalled.CompareAndSwap(true, false) || isFailure {
		p.wake()
	}
}

func (p *outbound) run() {
	err := p.pump()
	if errors.Is(err, errRelieved) {
		p.called = false
		go p.run()
		return
	}
	p.conn.Queue().EventUnregister(&p.entry)
	p.outboundEnded(err)
}

// pump returns nil once both sides have ended, or why it ends before that; errRelieved if it is to be called again, by
// another goroutine.
func (p *outbound) pump() error {
	for !p.isOver {
		p.err, p.failure, p.isIdle = nil, nil, false
		switch err := p.wait(p.move); {
		case err != nil:
			return err
		case p.isIdle:
			return errRelieved
		case p.err != nil:
			// The client has closed the connection, and had not read everything.
			p.gone.Store(true)
			p.endpoint.Abort()
			return errGone
		}
		switch p.failure.(type) {
		case nil:
			if !p.isOver && p.hasFailed() { // inbound was not told why
				return failureOf(&tcpip.ErrConnectionAborted{})
			}
			if !p.isOver && p.wasLeft() {
				return errLeft
			}
		case *tcpip.ErrWouldBlock:
			if err := p.awaitRoom(); err != nil {
				return err
			}
		case *tcpip.ErrClosedForSend:
			if p.wasLeft() {
				return errLeft
			}
			return errEnded // inbound knows why
		default:
			if p.isReset.Load() {
				return errEnded
			}
			return failureOf(p.failure)
		}
		if p.warmth.isOver() {
			return errRelieved
		}
	}
	if !p.isShut {
		p.isShut = true
		p.endpoint.Shutdown(tcpip.ShutdownWrite) // fails if the connection has failed, which inbound reports
		return errRelieved
	}
	return p.awaitEnd()
}

// wasLeft reports whether the other end has reset the connection after it had ended its side. The stack then has the
// connection closed, not failed: in the kernel as well this is an error of the next write alone.
func (p *outbound) wasLeft() bool {
	return p.received.Load() && !p.isReset.Load() && tcp.EndpointState(p.endpoint.State()) == tcp.StateClose
}

// wait calls ready whenever the socket may be ready, until that returns true. It also returns when the stream was woken,
// having called ready in vain or not at all.
func (p *outbound) wait(ready func(fd uintptr) bool) error {
	err := p.raw.Read(ready)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// Only this goroutine takes the deadline back, while it does not wait, so no wake is lost.
		err = p.connection.SetReadDeadline(time.Time{})
	}
	if err != nil {
		return errEnded // the connection was closed here
	}
	return nil
}

// collect gives what the client has sent to the stack, until that has no room or the socket is empty. It returns false if
// the socket is empty and this goroutine is to wait for it.
func (p *outbound) collect(fd uintptr) bool {
	for {
		n, failure, err := p.conn.Splice(int(fd))
		p.called = p.called || n > 0 || failure != nil
		p.client.station.sent.Add(uint64(n))
		switch {
		case errors.Is(err, unix.EAGAIN):
			p.isIdle = p.called && !p.client.station.cooler.keepsWarm(&p.warmth)
			return p.isIdle
		case errors.Is(err, io.EOF):
			p.isOver = true
			return true
		case err != nil || failure != nil:
			p.err, p.failure = err, failure
			return true
		}
	}
}

// awaitRoom returns once the tunnel's buffer may have room, or the connection has failed. If the client closes its
// connection meanwhile, what it has sent has a limited time to leave.
func (p *outbound) awaitRoom() error {
	p.stalled.Store(true)
	defer p.stalled.Store(false)
	for p.stalled.Load() && p.endpoint.Readiness(waiter.WritableEvents|waiter.EventHUp|waiter.EventErr) == 0 {
		hungUp := false
		err := p.wait(func(fd uintptr) bool {
			hungUp = !p.gone.Load() && hasHungUp(fd)
			return hungUp
		})
		if err != nil {
			return err
		}
		if hungUp {
			p.gone.Store(true)
			p.orphan()
		}
	}
	return nil
}

// awaitEnd returns nil once the tunnel's side has ended as well. If the client closes its connection before that, it does
// not want the rest.
func (p *outbound) awaitEnd() error {
	for !p.received.Load() && !p.hasFailed() {
		hungUp := false
		err := p.wait(func(fd uintptr) bool {
			hungUp = hasHungUp(fd)
			return hungUp
		})
		switch {
		case err != nil:
			return err
		case hungUp && !p.received.Load():
			p.gone.Store(true)
			// This resets the connection if there is something unread, and makes inbound end.
			p.endpoint.Shutdown(tcpip.ShutdownRead | tcpip.ShutdownWrite)
			return errGone
		}
	}
	return nil
}
