package udp

import (
	"errors"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"

	"wg-bridge/go/inflight"
)

// coalescedMessages is how many messages are read at once if each may hold many datagrams. Two full ones make a
// batch; short ones must be more to be worth the system call.
const coalescedMessages = 8

// A receiver reads one socket for one goroutine.
type receiver struct {
	socket   *socket
	inbound  *inflight.Inbound
	failures failures

	messages []unix.Mmsghdr
	pieces   []unix.Iovec // one for each message
	senders  []sockaddr
	controls []controlBuffer
	// buffers hold messages of several datagrams until these are handed out. There are none if every message is
	// a single datagram.
	buffers [][]byte

	ecn      []inflight.ECN  // of the datagrams that are handed out
	waited   []inflight.Wait // how long each of them waited in the socket
	arrivals []arrival
	pending  []arrival // the part of arrivals that is not handed out yet

	// read is made once: a closure for every call would allocate.
	read   func(fd uintptr) (done bool)
	system func(fd uintptr, messages []unix.Mmsghdr) (int, error) // receiveMessages, except in tests
	wanted int
	count  int
	err    error
	now    func() time.Time // time.Now, except in tests

	endpoints endpointCache
}

// An arrival is a received message, or the rest of one.
type arrival struct {
	bytes       []byte
	segmentSize int
	ecn         inflight.ECN
	stamp       int64 // as in received
	endpoint    *Endpoint
}

func newReceiver(s *socket, inbound *inflight.Inbound, failures failures) *receiver {
	count := batchSize
	if s.coalesces {
		count = coalescedMessages
	}
	r := &receiver{
		socket:    s,
		inbound:   inbound,
		failures:  failures,
		system:    receiveMessages,
		now:       time.Now,
		messages:  make([]unix.Mmsghdr, count),
		pieces:    make([]unix.Iovec, count),
		senders:   make([]sockaddr, count),
		controls:  make([]controlBuffer, count),
		arrivals:  make([]arrival, 0, count),
		endpoints: make(endpointCache),
	}
	if s.coalesces {
		r.buffers = make([][]byte, count)
		for i := range r.buffers {
			r.buffers[i] = make([]byte, maxDatagram)
		}
	}
	r.read = func(fd uintptr) bool {
		r.count, r.err = r.system(fd, r.messages[:r.wanted])
		return r.err != unix.EAGAIN
	}
	return r
}

// receiveIPv4 is a conn.ReceiveFunc. The engine logs the end of its name.
func (r *receiver) receiveIPv4(buffers [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
	return r.receive(buffers, sizes, endpoints)
}

// receiveIPv6 is a conn.ReceiveFunc. The engine logs the end of its name.
func (r *receiver) receiveIPv6(buffers [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
	return r.receive(buffers, sizes, endpoints)
}

// receive waits for datagrams and puts one in each buffer. All datagrams of one message share its sender and
// its source.
func (r *receiver) receive(buffers [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
	select {
	case <-r.socket.closed:
		return 0, net.ErrClosed
	default:
	}
	buffers = buffers[:r.inbound.Wait(r.socket.closed, len(buffers))]
	if len(r.pending) == 0 {
		if err := r.waitWithRetries(buffers); err != nil {
			return 0, err
		}
	}
	count := 0
	r.ecn = slices.Grow(r.ecn[:0], len(buffers))[:len(buffers)]
	r.waited = slices.Grow(r.waited[:0], len(buffers))[:len(buffers)]
	var now int64
	if r.socket.stamped {
		now = r.now().UnixNano()
	}
	for len(r.pending) > 0 && count < len(buffers) {
		next := &r.pending[0]
		waited := waitSince(next.stamp, now)
		filled, rest := splitInto(buffers[count:], sizes[count:], next.bytes, next.segmentSize)
		for i := range filled {
			endpoints[count+i], r.ecn[count+i], r.waited[count+i] = next.endpoint, next.ecn, waited
		}
		count += filled
		next.bytes = rest
		if len(rest) == 0 {
			r.pending = r.pending[1:]
		}
	}
	r.inbound.Enter(buffers[:count], sizes, r.ecn, r.waited)
	return count, nil
}

// waitWithRetries retries wait while it fails, until failures gives up.
func (r *receiver) waitWithRetries(buffers [][]byte) error {
	for {
		err := r.wait(buffers)
		if err == nil || errors.Is(err, net.ErrClosed) {
			if err == nil && r.failures.count > 0 {
				r.failures.end(r.socket.local.String())
			}
			return err
		}
		at := r.socket.local.String()
		pause, again := r.failures.pause(at, err)
		if !again {
			return r.failures.giveUp(at, err)
		}
		select {
		case <-r.socket.closed:
			return net.ErrClosed
		case <-time.After(pause):
		}
	}
}

// wait reads messages into pending.
func (r *receiver) wait(buffers [][]byte) error {
	r.wanted = len(r.messages)
	if len(r.buffers) == 0 {
		r.wanted = min(r.wanted, len(buffers))
	}
	clear(r.senders) // The kernel writes only as many bytes as an address has.
	for i := range r.wanted {
		buffer := r.bufferFor(i, buffers)
		r.pieces[i].Base = &buffer[0]
		r.pieces[i].SetLen(len(buffer))
		header := &r.messages[i].Hdr
		*header = unix.Msghdr{
			Name: &r.senders[i][0], Namelen: uint32(len(r.senders[i])),
			Iov: &r.pieces[i], Control: &r.controls[i][0],
		}
		header.SetIovlen(1)
		header.SetControllen(len(r.controls[i]))
	}
	err := r.socket.raw.Read(r.read)
	switch {
	case errors.Is(err, net.ErrClosed):
		return net.ErrClosed
	case err != nil:
		return err
	case r.err != nil:
		return os.NewSyscallError("recvmmsg", r.err)
	}
	r.arrivals = r.arrivals[:0]
	for i := range r.count {
		r.arrivals = append(r.arrivals, r.arrival(i, r.bufferFor(i, buffers)))
	}
	clear(r.pieces)
	r.pending = r.arrivals
	return nil
}

// bufferFor returns the buffer into which message i is read. Single datagrams go straight into the caller's
// buffers. Messages of several datagrams do not, although they would fit: every buffer of the engine passes by
// here, and each would then take the memory of the longest message instead of a packet's.
func (r *receiver) bufferFor(i int, buffers [][]byte) []byte {
	if len(r.buffers) == 0 {
		return buffers[i]
	}
	return r.buffers[i]
}

// arrival decodes message i. A truncated message cannot be authentic, and is treated as empty.
func (r *receiver) arrival(i int, buffer []byte) arrival {
	message := &r.messages[i]
	information := decodeControl(r.controls[i][:message.Hdr.Controllen])
	size := int(message.Len)
	if message.Hdr.Flags&unix.MSG_TRUNC != 0 {
		size = 0
	}
	return arrival{
		bytes:       buffer[:size],
		segmentSize: information.segmentSize,
		ecn:         information.ecn,
		stamp:       information.stamp,
		endpoint:    r.endpoints.endpoint(&r.senders[i], message.Hdr.Namelen, information.source),
	}
}
