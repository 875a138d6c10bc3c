package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inflight"
)

// A transmission is one call of Send: what it may still try, and what it has learnt.
type transmission struct {
	bind   *Bind
	socket *socket
	batch  *sendBatch
	to     *Endpoint
	source *source // nil: the kernel chooses
	outlet *outlet
}

// run records that packets leave the engine, and sends them in order. After each failure it continues with the
// first packet that was not sent, and without what the kernel refused.
func (t *transmission) run(packets [][]byte) error {
	ecn := t.batch.leave(t.bind.outbound, packets)
	scope, err := t.to.scope(t.socket)
	if err != nil {
		return fmt.Errorf("udp: send to %s: %w", t.to.destination, err)
	}
	t.batch.address(t.to.destination, scope)
	generation := t.bind.generation.Load()
	t.outlet = t.socket.outlets.to(t.to.destination, lengthOf(packets), t.batch)
	packets, maxJoined := t.outlet.admit(packets, t.batch)
	defer func() { t.outlet.sent(t.batch) }()
	if len(packets) < 2 || !t.socket.segments ||
		t.bind.refusals.has(t.to.destination.Addr(), generation, time.Now()) {
		maxJoined = 1
	}
	joined := maxJoined
	var tooBig int
	for len(packets) > 0 {
		t.batch.load(packets[:min(len(packets), batchSize)], ecn, t.source, joined)
		sent, failed, err := t.batch.send(t.outlet.raw)
		packets, ecn = packets[sent:], ecn[sent:]
		if sent > 0 && joined < maxJoined {
			// They leave one by one: what the path refuses is segments.
			t.bind.refusals.add(t.to.destination.Addr(), generation, time.Now())
			maxJoined = joined
		}
		switch {
		case err == nil:
		case errors.Is(err, syscall.EAGAIN):
			t.outlet.dropped.Add(uint64(len(packets)))
			packets = nil
		case failed.packets > 1 && refusesSegments(err):
			t.bind.logf("UDP bind: no segmentation offload to %s: %v", t.to.destination, err)
			joined = 1
		case t.source != nil && refusesSource(err):
			t.bind.logf("UDP bind: no longer sending from %s to %s: %v",
				t.source.address, t.to.destination, err)
			t.to.source.CompareAndSwap(t.source, nil)
			t.source = nil
			joined = maxJoined // The earlier refusal may have been about the source.
		case errors.Is(err, syscall.EMSGSIZE):
			tooBig++
			packets, ecn = packets[1:], ecn[1:]
		case errors.Is(err, net.ErrClosed) && !t.outlet.shared:
			t.outlet = t.socket.outlets.main // It has just expired.
		case errors.Is(err, net.ErrClosed):
			return net.ErrClosed
		default:
			return fmt.Errorf("udp: send to %s: packets not sent (%d): %w",
				t.to.destination, len(packets)+tooBig, err)
		}
	}
	if tooBig > 0 {
		return fmt.Errorf("udp: send to %s: packets not sent (%d): %w",
			t.to.destination, tooBig, syscall.EMSGSIZE)
	}
	return nil
}

// lengthOf returns the total length of packets in bytes.
func lengthOf(packets [][]byte) (bytes int) {
	for _, packet := range packets {
		bytes += len(packet)
	}
	return bytes
}

// refusesSegments reports whether a send error can mean that the kernel refuses a message because it holds several
// datagrams. EIO: the interface or a transformation on the way (IPsec) cannot segment. EMSGSIZE, or EINVAL before
// Linux 6.14: a datagram exceeds the path's MTU; a single one would be fragmented.
func refusesSegments(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EMSGSIZE) ||
		errors.Is(err, syscall.EINVAL)
}

// A sendBatch holds the structures of one sendmmsg call. They point at the packets, which are not copied.
type sendBatch struct {
	to                netip.Addr
	destination       sockaddr
	destinationLength int

	groups   []group
	ecn      []inflight.ECN // of all packets of one call of Send
	messages [batchSize]unix.Mmsghdr
	pieces   [batchSize]unix.Iovec // one for each packet
	controls [batchSize]controlBuffer

	// write is made once: a closure for every call would allocate.
	write func(fd uintptr)
	sent  int
	err   error

	query       func(fd uintptr) // made once, too
	outstanding int32
}

func newSendBatch() *sendBatch {
	b := &sendBatch{groups: make([]group, 0, batchSize)}
	b.write = func(fd uintptr) {
		for b.sent < len(b.groups) && b.err == nil {
			var n int
			n, b.err = sendMessages(fd, b.messages[b.sent:len(b.groups)])
			b.sent += n
		}
	}
	b.query = func(fd uintptr) { queryOutstanding(fd, &b.outstanding) }
	return b
}

// leave records that packets leave the engine, and returns their marks.
func (b *sendBatch) leave(outbound *inflight.Outbound, packets [][]byte) []inflight.ECN {
	b.ecn = slices.Grow(b.ecn[:0], len(packets))[:len(packets)]
	outbound.Leave(packets, b.ecn)
	return b.ecn
}

// address sets the destination of the following loads.
func (b *sendBatch) address(to netip.AddrPort, scope uint32) {
	b.to = to.Addr()
	b.destinationLength = encodeSockaddr(&b.destination, to, scope)
}

// load prepares messages for at most batchSize packets with their marks, up to segments of them in one message.
func (b *sendBatch) load(packets [][]byte, ecn []inflight.ECN, from *source, segments int) {
	b.groups = appendGroups(b.groups[:0], packets, ecn, segments)
	for i, packet := range packets {
		b.pieces[i] = unix.Iovec{}
		if len(packet) > 0 {
			b.pieces[i].Base = &packet[0]
			b.pieces[i].SetLen(len(packet))
		}
	}
	first := 0
	for i, group := range b.groups {
		control := b.controls[i][:0]
		if from != nil {
			control = appendSource(control, from)
		}
		if group.ecn != inflight.NotECT {
			control = appendECN(control, b.to, group.ecn)
		}
		if group.packets > 1 {
			control = appendSegmentSize(control, group.segmentSize)
		}
		header := &b.messages[i].Hdr
		*header = unix.Msghdr{Name: &b.destination[0], Namelen: uint32(b.destinationLength)}
		header.Iov = &b.pieces[first]
		header.SetIovlen(group.packets)
		if len(control) > 0 {
			header.Control = &b.controls[i][0]
			header.SetControllen(len(control))
		}
		first += group.packets
	}
}

// queryOutstanding returns how many bytes a socket has sent that have not left the host, as the kernel
// accounts for them. It is 0 if the socket is closed, or the query fails.
func (b *sendBatch) queryOutstanding(raw syscall.RawConn) int {
	b.outstanding = 0
	_ = raw.Control(b.query)
	return int(b.outstanding)
}

// send sends the loaded messages. It returns how many packets were sent and, if not all were, the group that
// failed and the error, which is EAGAIN if the socket's buffer is full.
func (b *sendBatch) send(raw syscall.RawConn) (packets int, failed group, err error) {
	b.sent, b.err = 0, nil
	err = raw.Control(b.write)
	if err == nil && b.err != nil {
		err = os.NewSyscallError("sendmmsg", b.err)
	}
	for _, group := range b.groups[:b.sent] {
		packets += group.packets
	}
	if err != nil && b.sent < len(b.groups) {
		failed = b.groups[b.sent]
	}
	clear(b.pieces[:]) // The engine reuses its packets: do not hold them any longer.
	return packets, failed, err
}
