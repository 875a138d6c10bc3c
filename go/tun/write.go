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

	"wg-bridge/go/inflight"
)

// A writer gives packets to the TUN, joined where the kernel takes them so.
type writer struct {
	raw   syscall.RawConn
	logf  func(format string, arguments ...any)
	plain bool // without virtio headers

	inbound *inflight.Inbound // what is written leaves it
	ecn     []inflight.ECN    // marks of the present batch

	mu        sync.Mutex // held while a batch is written
	coalescer coalescer
	refusals  refusals
	failures  failures
	pieces    []unix.Iovec // of one joined packet

	// write is made once, as making it anew for every call would allocate.
	write   func(fd uintptr) (done bool)
	buffers [][]byte // these are the present batch's
	offset  int
	at      int // the run that is written next
	lost    int // packets
	err     error
}

func newWriter(raw syscall.RawConn, plain bool, offloads Offloads, inbound *inflight.Inbound, logf func(string, ...any)) *writer {
	w := &writer{raw: raw, plain: plain, inbound: inbound, logf: logf}
	if !plain {
		w.coalescer.joins = offloads.kinds()
	}
	w.write = func(fd uintptr) bool { return w.drain(int(fd)) }
	return w
}

// flush writes a batch, and returns how many of its packets were written. Of errors it returns the
// first, unless it has returned one lately; the packets after it are written all the same.
func (w *writer) flush(buffers [][]byte, offset int) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leave(buffers, offset)
	if w.refusals.any {
		w.refusals.expire(&w.coalescer.joins, time.Now())
	}
	w.coalescer.coalesce(buffers, offset)
	w.buffers, w.offset, w.at, w.lost, w.err = buffers, offset, 0, 0, nil
	err := w.raw.Write(w.write)
	w.buffers = nil
	clear(w.pieces[:cap(w.pieces)])
	if err == nil {
		err = w.err
	}
	if w.lost > 0 && err != os.ErrClosed {
		if lost, due := w.failures.add(w.lost, time.Now()); !due {
			err = nil
		} else if lost > w.lost {
			err = fmt.Errorf("%w (%d packets since the last report)", err, lost)
		}
	}
	return len(buffers) - w.lost, err
}

// leave lets a batch leave the engine, and gives the packets the marks of the datagrams they came in.
func (w *writer) leave(buffers [][]byte, offset int) {
	w.ecn = slices.Grow(w.ecn[:0], len(buffers))[:len(buffers)]
	w.inbound.Leave(buffers, w.ecn)
	for i, ecn := range w.ecn {
		if ecn == inflight.Congested {
			markCongestion(buffers[i][offset:])
		}
	}
}

// drain writes runs until the kernel takes none or all are written.
func (w *writer) drain(fd int) bool {
	for w.at < len(w.coalescer.runs) {
		r := &w.coalescer.runs[w.at]
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
		case err == nil && r.refused != nil:
			w.refuse(r)
		case err != nil && r.count > 1 && err != unix.EIO: // The link is down: nothing gets through.
			w.coalescer.separate(w.at, w.buffers, w.offset, err)
			continue
		case err != nil:
			w.lost += r.count
			if w.err == nil {
				w.err = os.NewSyscallError("writev", err)
			}
		}
		w.at++
	}
	return true
}

// refuse notes that the kernel took a packet alone which it had refused joined with others.
func (w *writer) refuse(r *run) {
	kind := r.flow.kind()
	if !isRefusal(r.refused) || !w.coalescer.joins[kind] {
		return
	}
	w.coalescer.joins[kind] = false
	if w.refusals.add(kind, time.Now()) {
		w.logf("TUN: the kernel refuses joined packets of %v (%v): they are written one by one", kind, r.refused)
	}
}

// load points pieces at the packets of a run: the first whole, of the others the payloads.
func (w *writer) load(r *run) {
	w.pieces = w.pieces[:0]
	from := w.offset
	if !w.plain {
		r.joinHeaders(w.buffers[r.first], w.offset)
		from -= virtioSize
	}
	for i := r.first; i >= 0; i = w.coalescer.next[i] {
		bytes := w.buffers[i][from:]
		from = w.offset + int(r.flow.headers)
		w.pieces = append(w.pieces, unix.Iovec{Base: &bytes[0]})
		w.pieces[len(w.pieces)-1].SetLen(len(bytes))
	}
}

// refusalHolds is how long packets of a kind are written one by one after the kernel refused a joined one.
const refusalHolds = time.Minute

// refusals are the kinds of packets that the kernel refuses if they are joined, though it said that it
// could cut them, as Linux 6.10.3 and 6.6.44 do. The zero value is none.
type refusals struct {
	at   [kinds]time.Time // zero if not refused
	told [kinds]bool
	any  bool
}

// isRefusal tells what will be so for the next joined packet, too, from a passing failure.
func isRefusal(err error) bool { return err != unix.ENOMEM && err != unix.ENOBUFS }

// add remembers a refusal, and reports whether it is the first of its kind.
func (r *refusals) add(k kind, now time.Time) (first bool) {
	first = !r.told[k]
	r.at[k], r.told[k], r.any = now, true, true
	return first
}

// expire forgets the refusals that no longer hold, and sets their kinds in joins.
func (r *refusals) expire(joins *[kinds]bool, now time.Time) {
	r.any = false
	for k, at := range r.at {
		switch {
		case at.IsZero():
		case now.Sub(at) < refusalHolds:
			r.any = true
		default:
			r.at[k], joins[k] = time.Time{}, true
		}
	}
}

// writeRaw is writev(2). fd must be non-blocking, and pieces not empty. What pieces point at is on the
// heap and reachable through their typed pointers, so that it stays where it is.
func writeRaw(fd int, pieces []unix.Iovec) error {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&pieces[0])), uintptr(len(pieces)))
	if errno != 0 {
		return errno
	}
	return nil
}
