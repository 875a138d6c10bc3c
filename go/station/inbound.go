package station

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

// An inbound pump moves bytes from the tunnel to the client: out of the stack's buffers straight into the socket.
type inbound struct {
	*stream
	entry    waiter.Entry
	readable chan struct{}

	// The outcome of one call of deliver.
	fd      int
	full    bool // the socket's buffer
	err     error
	failure tcpip.Error
}

func newInbound(t *stream) *inbound { return &inbound{stream: t} }

// run returns nil at the end of what the tunnel's other end has sent, or why it ends before that.
func (p *inbound) run() error {
	p.entry, p.readable = waiter.NewChannelEntry(waiter.ReadableEvents | waiter.EventHUp | waiter.EventErr)
	queue := p.conn.Queue()
	queue.EventRegister(&p.entry)
	defer queue.EventUnregister(&p.entry)
	for deliver := p.deliver; ; {
		p.err, p.failure = nil, nil
		if err := p.raw.Write(deliver); err != nil {
			return errEnded // the connection was closed here
		}
		if p.err != nil {
			p.gone.Store(true)
			return errGone
		}
		switch p.failure.(type) {
		case *tcpip.ErrWouldBlock:
			<-p.readable
		case *tcpip.ErrClosedForReceive:
			if p.hasFailed() || p.isReset.Load() || p.gone.Load() {
				return errEnded
			}
			return nil
		default:
			return failureOf(p.failure)
		}
	}
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
