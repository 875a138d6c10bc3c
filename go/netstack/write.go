package netstack

import (
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"

	"wg-bridge/go/inflight"
	"wg-bridge/go/segmentation"
)

// separatePayload is the length in bytes from which on a packet's payload has memory of its own. The stack copies
// the memory of headers several times while it delivers a packet.
const separatePayload = 256

// A writer delivers the packets of the engine to the stack.
type writer struct {
	mu     sync.Mutex // held while a batch is delivered
	joiner segmentation.Joiner
	ecn    []inflight.ECN  // of the batch; the stack's TCP has no ECN, so nobody reads the marks
	waited []inflight.Wait // how long the packets of the batch waited before they entered the engine
	late   *late
}

func newWriter(late *late) *writer {
	w := &writer{late: late}
	w.joiner.Joins[segmentation.TCP4], w.joiner.Joins[segmentation.TCP6] = true, true
	w.joiner.Supersedes = true
	return w
}

// Write delivers the packets that begin at offset in each of bufs to the stack, and may change their bytes. It joins
// those of a TCP stream, keeps what reports a hole in one for a while, and drops those whose checksums are wrong and those
// that the AQM drops. It returns how many there were.
func (d *Device) Write(bufs [][]byte, offset int) (int, error) {
	w := d.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ecn) < len(bufs) {
		w.ecn, w.waited = make([]inflight.ECN, len(bufs)), make([]inflight.Wait, len(bufs))
	}
	d.config.Inbound.Leave(bufs, w.ecn[:len(bufs)], w.waited[:len(bufs)])
	delivered := d.config.AQM.Pass(bufs, offset, w.waited)
	defer d.config.AQM.Release()
	w.joiner.Join(delivered, offset)
	for i := range w.joiner.Runs {
		d.deliver(&w.joiner.Runs[i], delivered, offset)
	}
	w.late.arm()
	d.budget.look()
	return len(bufs), nil
}

// deliver delivers a run to the stack, unless it is to be kept.
func (d *Device) deliver(r *segmentation.Run, bufs [][]byte, offset int) {
	first := bufs[r.First][offset:]
	if len(first) == 0 {
		return
	}
	right, known := r.Intact(first)
	if known && !right {
		d.countWrong(r.Kind())
		return
	}
	if at, alone := r.TCPHeader(first); alone && !d.writer.late.table.Pass(first, at, time.Now()) {
		return
	}
	d.link.deliver(d.writer.bytes(r, bufs, offset), first[0]>>4, known)
}

// bytes returns a copy of a run's bytes, as those of one packet.
func (w *writer) bytes(r *segmentation.Run, bufs [][]byte, offset int) buffer.Buffer {
	first, length := bufs[r.First][offset:], len(bufs[r.First])-offset
	if r.Count > 1 {
		r.JoinHeaders(first)
		length = r.Length()
	}
	headers := r.Headers()
	if headers == 0 || length-headers < separatePayload {
		headers = 0
	}
	payload := buffer.NewView(length - headers)
	_, _ = payload.Write(first[headers:]) // it has the room
	for i := w.joiner.Next[r.First]; i >= 0; i = w.joiner.Next[i] {
		_, _ = payload.Write(bufs[i][offset+r.Headers():])
	}
	whole := buffer.MakeWithView(payload)
	if headers == 0 {
		return whole
	}
	separate := buffer.MakeWithView(buffer.NewViewWithData(first[:headers]))
	separate.Merge(&whole)
	return separate
}

// countWrong counts a packet whose checksum is wrong where the stack would count it.
func (d *Device) countWrong(kind segmentation.Kind) {
	if kind == segmentation.UDP {
		d.stack.Stats().UDP.ChecksumErrors.Increment()
	} else {
		d.stack.Stats().TCP.ChecksumErrors.Increment()
	}
}
