package tun

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A writer gives packets to the TUN, joined where the kernel takes them so.
type writer struct {
	raw   syscall.RawConn
	plain bool // without virtio headers

	mu        sync.Mutex // held while a batch is written
	coalescer coalescer
	pieces    []unix.Iovec // of one joined packet

	// write is made once, as making it anew for every call would allocate.
	write   func(fd uintptr) (done bool)
	buffers [][]byte // these are the present batch's
	offset  int
	at      int // the run that is written next
	lost    int // packets
	err     error
}

func newWriter(raw syscall.RawConn, plain bool, offloads Offloads) *writer {
	w := &writer{raw: raw, plain: plain}
	if !plain {
		w.coalescer = coalescer{tcp4: offloads.TSO4, tcp6: offloads.TSO6, udp: offloads.USO}
	}
	w.write = func(fd uintptr) bool { return w.drain(int(fd)) }
	return w
}

// flush writes a batch, and returns how many of its packets were written. Of errors it returns the
// first; the packets after it are written all the same.
func (w *writer) flush(buffers [][]byte, offset int) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.coalescer.coalesce(buffers, offset)
	w.buffers, w.offset, w.at, w.lost, w.err = buffers, offset, 0, 0, nil
	err := w.raw.Write(w.write)
	w.buffers = nil
	clear(w.pieces[:cap(w.pieces)])
	if err == nil {
		err = w.err
	}
	return len(buffers) - w.lost, err
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
