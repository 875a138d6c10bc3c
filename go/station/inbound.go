package station

import (
	"errors"
	"io"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

// An inbound pump moves bytes from the tunnel to the client: out of the stack's buffers straight into the socket. It has
// a goroutine only while there is something to move.
type inbound struct {
	*stream
	entry  waiter.Entry
	events atomic.Int64 // since the pump last found nothing to move; while it is 0, no goroutine runs
	move   func(fd uintptr) bool

	// The outcome of one call of deliver.
	fd      int
	full    bool // the socket's buffer
	err     error
	failure tcpip.Error
}

// start starts the pump, for what there is already and what will come.
func (p *inbound) start() {
	p.move = p.deliver
	p.entry.Init(p, waiter.ReadableEvents|waiter.EventHUp|waiter.EventErr)
	p.conn.Queue().EventRegister(&p.entry)
	p.NotifyEvent(0)
}

// NotifyEvent implements waiter.EventListener. The stack calls it while it holds locks.
func (p *inbound) NotifyEvent(waiter.EventMask) {
	if p.events.Add(1) == 1 {
		go p.run()
	}
}

// run moves what there is.
func (p *inbound) run() {
	for {
		seen := p.events.Load()
		hasEnded, err := p.pump()
		if hasEnded {
			// From now on events are counted, and start nothing.
			p.conn.Queue().EventUnregister(&p.entry)
			p.inboundEnded(err)
			return
		}
		if p.events.CompareAndSwap(seen, 0) {
			return
		}
	}
}

// pump moves what there is, and reports whether the pump has ended: with nil after all that the tunnel's other end has
// sent, otherwise with why it ends before that.
func (p *inbound) pump() (hasEnded bool, err error) {
	p.err, p.failure = nil, nil
	if err := p.raw.Write(p.move); err != nil {
		return true, errEnded // the connection was closed here
	}
	if p.err != nil {
		p.gone.Store(true)
		return true, errGone
	}
	switch p.failure.(type) {
	case *tcpip.ErrWouldBlock:
		return false, nil
	case *tcpip.ErrClosedForReceive:
		if p.hasFailed() || p.isReset.Load() || p.gone.Load() {
			return true, errEnded
		}
		return true, nil
	}
	return true, failureOf(p.failure)
}

// deliver writes what has arrived to the socket. It returns false if that is full.
func (p *inbound) deliver(fd uintptr) bool {
	p.fd = int(fd)
	for {
		p.full = false
		result, failure := p.endpoint.Read(p, tcpip.ReadOptions{})
		if result.Count > 0 {
			p.endpoint.ModerateRecvBuf(result.Count)
			p.client.station.received.Add(uint64(result.Count))
		}
		switch {
		case p.err != nil:
			return true
		case p.full:
			return false
		case failure != nil:
			p.failure = failure
			return true
		}
	}
}

// Write writes to the socket as much as it takes. The stack keeps the rest.
func (p *inbound) Write(bytes []byte) (int, error) {
	written := 0
	for written < len(bytes) {
		n, err := unix.SendmsgN(p.fd, bytes[written:], nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch {
		case err == nil:
			written += n
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			p.full = true
			return written, io.ErrShortWrite
		default:
			p.err = err
			return written, err
		}
	}
	return written, nil
}
