package tun

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"wg-bridge/go/aqm"
	"wg-bridge/go/inflight"
	"wg-bridge/go/segmentation"
)

// A writer writes packets to the TUN, joined if the kernel accepts that.
type writer struct {
	raw   syscall.RawConn
	logf  func(format string, arguments ...any)
	plain bool // without virtio headers

	inbound *inflight.Inbound // written packets leave it
	ecn     []inflight.ECN    // the marks of the current batch
	waited  []inflight.Wait   // how long its packets waited before they entered the engine
	aqm     *aqm.Queue        // drops and marks some of them

	mu       sync.Mutex // held while a batch is written
	joiner   segmentation.Joiner
	refusals refusals
	losses   losses
	pieces   []unix.Iovec // of one joined packet

	// write is made once: a closure for every call would allocate.
	write   func(fd uintptr) (done bool)
	buffers [][]byte // this and the next four are the current batch's
	offset  int
	at      int // the next run to write
	lost    int // packets
	err     error
}

func newWriter(raw syscall.RawConn, plain bool, offloads Offloads, inbound *inflight.Inbound, logf func(string, ...any)) *writer {
	w := &writer{raw: raw, plain: plain, inbound: inbound, logf: logf}
	if !plain {
		w.joiner.Joins = offloads.kinds()
	}
	w.write = func(fd uintptr) bool { return w.drain(int(fd)) }
	return w
}

// flush writes a batch, and returns how many of its packets were written or dropped by the AQM. It returns the first
// error, unless it has recently returned one; it still writes the packets after it.
func (w *writer) flush(buffers [][]byte, offset int) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leave(buffers, offset)
	given := len(buffers)
	buffers = w.aqm.Pass(buffers, offset, w.waited)
	defer w.aqm.Release()
	if w.refusals.any {
		w.refusals.expire(&w.joiner.Joins, time.Now())
	}
	w.joiner.Join(buffers, offset)
	w.buffers, w.offset, w.at, w.lost, w.err = buffers, offset, 0, 0, nil
	err := w.raw.Write(w.write)
	w.buffers = nil
	clear(w.pieces[:cap(w.pieces)])
	if err == nil {
		err = w.err
	}
	if w.lost > 0 && err != os.ErrClosed {
		if lost, due := w.losses.add(w.lost, time.Now()); !due {
			err = nil
		} else if lost > w.lost {
			err = fmt.Errorf("%w (%d packets since the last report)", err, lost)
		}
	}
	return given - w.lost, err
}

// leave records that a batch leaves the engine, and marks the packets like the datagrams in which they came.
func (w *writer) leave(buffers [][]byte, offset int) {
	w.ecn = slices.Grow(w.ecn[:0], len(buffers))[:len(buffers)]
	w.waited = slices.Grow(w.waited[:0], len(buffers))[:len(buffers)]
	w.inbound.Leave(buffers, w.ecn, w.waited)
	for i, ecn := range w.ecn {
		if ecn == inflight.Congested {
			inflight.MarkCongestion(buffers[i][offset:])
		}
	}
}

// drain writes runs until the kernel accepts no more, or all are written.
func (w *writer) drain(fd int) bool {
	for w.at < len(w.joiner.Runs) {
		r := &w.joiner.Runs[w.at]
		w.load(r)
		err := writeRaw(fd, w.pieces)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return false
		case err == unix.EBADFD:
			w.err = os.ErrClosed
			return true
		case err == nil && r.Refused != nil:
			w.refuse(r)
		case err != nil && r.Count > 1 && err != unix.EIO: // EIO: the link is down, and nothing gets through.
			w.joiner.Separate(w.at, w.buffers, w.offset, err)
			continue
		case err != nil:
			w.lost += r.Count
			if w.err == nil {
				w.err = os.NewSyscallError("writev", err)
			}
		}
		w.at++
	}
	return true
}

// refuse records that the kernel accepted a packet alone that it had refused joined with others.
func (w *writer) refuse(r *segmentation.Run) {
	kind := r.Kind()
	if !isRefusal(r.Refused) || !w.joiner.Joins[kind] {
		return
	}
	w.joiner.Joins[kind] = false
	if w.refusals.add(kind, time.Now()) {
		w.logf("TUN: the kernel refuses joined packets of %v (%v), so they are written one by one", kind, r.Refused)
	}
}

// load points pieces at the packets of a run: at the whole first packet, and at the payloads of the others.
func (w *writer) load(r *segmentation.Run) {
	w.pieces = w.pieces[:0]
	from := w.offset
	if !w.plain {
		encodeRun(r, w.buffers[r.First], w.offset)
		from -= virtioSize
	}
	for i := r.First; i >= 0; i = w.joiner.Next[i] {
		bytes := w.buffers[i][from:]
		from = w.offset + r.Headers()
		w.pieces = append(w.pieces, unix.Iovec{Base: &bytes[0]})
		w.pieces[len(w.pieces)-1].SetLen(len(bytes))
	}
}

// refusalLifetime is how long packets of a kind are written one by one after the kernel refused a joined one.
const refusalLifetime = time.Minute

// refusals holds the kinds of packets that the kernel refuses joined although it had accepted the offload, as Linux
// 6.10.3 and 6.6.44 do. The zero value is empty.
type refusals struct {
	at     [segmentation.Kinds]time.Time // zero if not refused
	logged [segmentation.Kinds]bool
	any    bool // whether at has an entry
}

// isRefusal reports whether the next joined packet will fail, too, because the error is not transient.
func isRefusal(err error) bool { return err != unix.ENOMEM && err != unix.ENOBUFS }

// add records a refusal, and reports whether it is the first of its kind.
func (r *refusals) add(k segmentation.Kind, now time.Time) (first bool) {
	first = !r.logged[k]
	r.at[k], r.logged[k], r.any = now, true, true
	return first
}

// expire removes the refusals that no longer hold, and sets their kinds in joins.
func (r *refusals) expire(joins *[segmentation.Kinds]bool, now time.Time) {
	r.any = false
	for k, at := range r.at {
		switch {
		case at.IsZero():
		case now.Sub(at) < refusalLifetime:
			r.any = true
		default:
			r.at[k], joins[k] = time.Time{}, true
		}
	}
}

// writeRaw is writev(2), without Go's scheduler: see readRaw. fd must be non-blocking, and pieces not empty. What they
// point at must be on the heap and reachable through typed pointers, so that it neither moves nor is freed.
func writeRaw(fd int, pieces []unix.Iovec) error {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&pieces[0])), uintptr(len(pieces)))
	if errno != 0 {
		return errno
	}
	return nil
}
