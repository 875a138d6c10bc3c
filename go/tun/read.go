package tun

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"wg-bridge/go/aqm"
	"wg-bridge/go/backoff"
	"wg-bridge/go/inet"
	"wg-bridge/go/inflight"
	"wg-bridge/go/segmentation"
)

const (
	// maxFailedReads is how many reads in a row may fail, with no success and no empty queue in between. One
	// packet can fail each; the queue holds 500, or what the user set as txqueuelen.
	maxFailedReads = 10_000
	// maxPauses is how many of these may fail for a reason other than a bad packet. With the pauses in between,
	// they take five seconds.
	maxPauses = 28
	// maxDropped bounds how many packets that would only wait a call drops before it returns.
	maxDropped = 1024
)

// A reader reads packets from the TUN. One goroutine may use it.
type reader struct {
	raw    syscall.RawConn
	errorf func(format string, arguments ...any)
	plain  bool   // without virtio headers
	buffer []byte // a virtio header and a packet
	batch  *inflight.Batch
	aqm    *aqm.Queue // learns from sent packets

	// What was read and is not in a buffer of the engine yet: segments, or a single packet.
	left        segmentation.Segments
	single      []byte
	destination inflight.Destination

	failed int // reads in a row
	paused int // of these, for a reason other than a bad packet
	drops  losses

	// read is made once: a closure for every call would allocate.
	read    func(fd uintptr) (done bool)
	buffers [][]byte // this and the next two are the current call's
	sizes   []int
	offset  int
	count   int
	dropped int
	pause   time.Duration // before the next call, after a read failed for a reason other than a bad packet
	err     error
}

func newReader(raw syscall.RawConn, plain bool, batch *inflight.Batch, errorf func(string, ...any)) *reader {
	r := &reader{raw: raw, plain: plain, batch: batch, errorf: errorf, buffer: make([]byte, virtioSize+inet.MaxPacket)}
	r.read = func(fd uintptr) bool { return r.drain(int(fd)) }
	return r
}

// fill waits for a packet and reads as many as the batch admits, one into each buffer from offset on, with their
// lengths in sizes. If it has dropped all of them, it returns none.
func (r *reader) fill(buffers [][]byte, sizes []int, offset int) (int, error) {
	r.buffers, r.sizes, r.offset, r.count, r.dropped, r.pause, r.err = buffers, sizes, offset, 0, 0, 0, nil
	r.batch.Begin()
	err := r.raw.Read(r.read)
	r.batch.Enter(buffers[:r.count], sizes)
	r.buffers, r.sizes = nil, nil
	return r.count, errors.Join(r.err, err)
}

// drain reads until there are no more packets, or the batch is full. It returns false if there was no packet at
// all.
func (r *reader) drain(fd int) bool {
	for {
		for r.left.Left() || r.single != nil {
			if r.count == len(r.buffers) || !r.place() {
				return true
			}
		}
		if r.count == len(r.buffers) || r.dropped >= maxDropped {
			return true
		}
		n, err := readRaw(fd, r.buffer)
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			r.failed, r.paused = 0, 0
			return r.count > 0 || r.dropped > 0
		case err == unix.EBADFD: // no interface any more
			r.err = os.NewSyscallError("read", err)
			return true
		case err != nil:
			// EINVAL: the kernel has dropped a packet that it cannot describe, such as one of a GSO type that
			// virtio does not know.
			ofPacket := err == unix.EINVAL || err == io.ErrUnexpectedEOF
			err = os.NewSyscallError("read", err)
			if !ofPacket {
				r.paused++
				r.pause = backoff.After(r.paused)
			}
			if r.failed++; r.failed == maxFailedReads || r.paused == maxPauses {
				r.err = fmt.Errorf("%d times: %w", r.failed, err)
				return true
			}
			r.drop(err)
			if !ofPacket {
				return true
			}
			continue
		}
		r.failed, r.paused = 0, 0
		if err := r.take(r.buffer[:n]); err != nil {
			r.drop(err)
		}
	}
}

// place stores the next packet in the next buffer, or drops it. It returns false if the batch ends before it.
func (r *reader) place() bool {
	switch r.batch.Judge(r.destination) {
	case inflight.Postponed:
		return false
	case inflight.Dropped:
		r.left, r.single = segmentation.Segments{}, nil
		r.dropped++
		return true
	}
	to, size := r.buffers[r.count][r.offset:], 0
	if r.single == nil {
		size = r.left.Next(to)
	} else if len(r.single) <= len(to) {
		size = copy(to, r.single)
	}
	r.single = nil
	if size == 0 {
		r.drop(errTooLong)
		return true
	}
	r.batch.Take(inflight.ECNOf(to[:size]))
	r.sizes[r.count] = size
	r.count++
	return true
}

var errTooLong = errors.New("a packet is too long for every buffer")

// drop counts a packet that is lost because of err, and logs it unless another was logged recently.
func (r *reader) drop(err error) {
	if lost, due := r.drops.add(1, time.Now()); due {
		r.errorf("TUN: dropped outgoing packets (%d): %v", lost, err)
	}
}

// take decodes what one read returned: a packet, or segments, for place.
func (r *reader) take(bytes []byte) error {
	packet, header := bytes, virtioHeader{}
	if !r.plain {
		var err error
		if header, err = decodeVirtio(bytes); err != nil {
			return err
		}
		packet = bytes[virtioSize:]
	}
	r.destination = inflight.DestinationOf(packet)
	r.aqm.Sent(packet)
	if header.gsoType != unix.VIRTIO_NET_HDR_GSO_NONE {
		var err error
		r.left, err = cut(header, packet)
		return err
	}
	if header.flags&unix.VIRTIO_NET_HDR_F_NEEDS_CSUM != 0 {
		start, offset := int(header.checksumStart), int(header.checksumOffset)
		if err := segmentation.CompleteChecksum(packet, start, offset); err != nil {
			return err
		}
	}
	if len(packet) > 0 {
		r.single = packet
	}
	return nil
}

// readRaw is read(2). Like writeRaw, it bypasses Go's scheduler (RawSyscall): a call on a non-blocking descriptor
// never waits, and telling the scheduler costs more than a small packet. fd must be non-blocking, and to not empty.
func readRaw(fd int, to []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&to[0])), uintptr(len(to)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
