package netstack

import (
	"fmt"
	"os"
	"runtime"

	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"wg-bridge/go/aqm"
	"wg-bridge/go/inflight"
	"wg-bridge/go/segmentation"
)

// Read waits for a packet and reads as many as there are, one into each of bufs from offset on, with their lengths
// in sizes. It cuts what the stack left whole, and drops packets that would have to wait behind too many others. The
// error is os.ErrClosed once the device is closed.
func (d *Device) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	gone := d.link.queue.gone
	d.config.Outbound.Wait(gone)
	for {
		if n := d.reader.fill(bufs, sizes, offset); n > 0 {
			return n, nil
		}
		select {
		case <-d.link.queue.ready:
			// Others that are about to send go first: their packets then cross together with this one.
			runtime.Gosched()
		case <-d.idle:
		case <-gone:
			d.reader.finish()
			return 0, os.ErrClosed
		}
	}
}

// A reader turns the packets of the stack into those of the engine. One goroutine may use it.
type reader struct {
	link   *link
	batch  *inflight.Batch
	aqm    *aqm.Queue // learns from sent packets
	errorf func(format string, arguments ...any)
	failed bool // a packet could not be used, and was logged

	// The packet that is not in the engine's buffers yet, or not all of it.
	packet      *stack.PacketBuffer
	parts       [][]byte // its bytes
	whole       bool     // it is not cut
	left        segmentation.Segments
	destination inflight.Destination
}

// fill reads as many packets as there are and the batch admits. It returns 0 if there is none.
func (r *reader) fill(bufs [][]byte, sizes []int, offset int) int {
	r.batch.Begin()
	n := 0
	for n < len(bufs) {
		if r.packet == nil && !r.next() {
			break
		}
		verdict := r.batch.Judge(r.destination)
		if verdict == inflight.Postponed {
			break
		}
		if verdict == inflight.Dropped {
			r.finish()
			continue
		}
		to := bufs[n][offset:]
		size, err := r.place(to)
		if err != nil {
			r.drop(err)
			continue
		}
		r.batch.Take(inflight.ECNOf(to[:size]))
		r.aqm.Sent(to[:size])
		sizes[n] = size
		n++
	}
	r.batch.Enter(bufs[:n], sizes)
	return n
}

// next begins with the next packet, if there is one.
func (r *reader) next() bool {
	for {
		packet := r.link.queue.take()
		if packet == nil {
			return false
		}
		r.packet, r.parts = packet, appendParts(r.parts[:0], packet)
		if len(r.parts) == 0 {
			r.finish()
			continue
		}
		r.destination = inflight.DestinationOf(r.parts[0])
		if err := r.plan(); err != nil {
			r.drop(err)
			continue
		}
		return true
	}
}

// plan decides whether the packet is cut: if it has a payload and its checksum is to be completed.
func (r *reader) plan() (err error) {
	gso, payload := r.packet.GSOOptions, r.packet.Data().Size()
	kind := segmentation.TCP4
	switch gso.Type {
	case stack.GSOTCPv4:
	case stack.GSOTCPv6:
		kind = segmentation.TCP6
	default:
		r.whole = true
		return nil
	}
	r.whole = payload == 0
	if r.whole {
		return nil
	}
	headers := r.packet.Size() - payload
	r.left, err = segmentation.Cut(segmentation.Plan{
		Kind:           kind,
		TransportAt:    int(gso.L3HdrLen),
		ChecksumOffset: int(gso.CsumOffset),
		// The connection may be older than the present MTU.
		Size: min(int(gso.MSS), int(r.link.MTU())-headers),
	}, r.parts[0], r.parts[1:]...)
	return err
}

// place writes the packet, or its next segment, to to. It returns its length.
func (r *reader) place(to []byte) (size int, err error) {
	if !r.whole {
		if size = r.left.Next(to); size == 0 {
			return 0, fmt.Errorf("a segment is longer than the %d bytes of a buffer", len(to))
		}
		if !r.left.Left() {
			r.finish()
		}
		return size, nil
	}
	defer r.finish()
	if size = r.packet.Size(); size > len(to) {
		return 0, fmt.Errorf("a packet of %d bytes is longer than the %d bytes of a buffer", size, len(to))
	}
	at := 0
	for _, part := range r.parts {
		at += copy(to[at:], part)
	}
	if gso := r.packet.GSOOptions; gso.Type != stack.GSONone && gso.NeedsCsum {
		err = segmentation.CompleteChecksum(to[:size], int(gso.L3HdrLen), int(gso.CsumOffset))
	}
	return size, err
}

// finish gives the packet back.
func (r *reader) finish() {
	if r.packet != nil {
		r.packet.DecRef()
	}
	clear(r.parts)
	r.packet, r.left = nil, segmentation.Segments{}
}

// drop drops the packet because of err.
func (r *reader) drop(err error) {
	r.finish()
	if !r.failed {
		r.failed = true
		r.errorf("userspace network: dropped an outgoing packet: %v", err)
	}
}

// appendParts appends the bytes of a packet, in the pieces in which it has them. All headers are in the first.
func appendParts(parts [][]byte, packet *stack.PacketBuffer) [][]byte {
	views, skip := packet.AsViewList()
	for view := views.Front(); view != nil; view = view.Next() {
		if bytes := view.AsSlice(); len(bytes) > skip {
			parts = append(parts, bytes[skip:])
			skip = 0
		} else {
			skip -= len(bytes)
		}
	}
	return parts
}
