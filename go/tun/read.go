package tun

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A reader takes packets out of the TUN, for one goroutine.
type reader struct {
	raw    syscall.RawConn
	logf   func(format string, arguments ...any)
	plain  bool   // without virtio headers
	buffer []byte // a virtio header and a packet
	left   segments

	// read is made once, as making it anew for every call would allocate.
	read    func(fd uintptr) (done bool)
	buffers [][]byte // these three are the present call's
	sizes   []int
	offset  int
	count   int
	err     error
}

func newReader(raw syscall.RawConn, plain bool, logf func(string, ...any)) *reader {
	r := &reader{raw: raw, plain: plain, logf: logf, buffer: make([]byte, virtioSize+longestPacket)}
	r.read = func(fd uintptr) bool { return r.drain(int(fd)) }
	return r
}

// fill waits for a packet and takes as many as there are, one to each buffer from offset on, with
// their lengths in sizes.
func (r *reader) fill(buffers [][]byte, sizes []int, offset int) (int, error) {
	r.buffers, r.sizes, r.offset, r.count, r.err = buffers, sizes, offset, 0, nil
	err := r.raw.Read(r.read)
	r.buffers, r.sizes = nil, nil
	return r.count, errors.Join(r.err, err)
}

// drain reads until there is no packet, or no buffer. Its answer is false where there was none at all.
func (r *reader) drain(fd int) bool {
	for {
		for r.left.left() && r.count < len(r.buffers) {
			r.put(r.left.next(r.buffers[r.count][r.offset:]))
		}
		if r.count == len(r.buffers) {
			return true
		}
		n, err := readRaw(fd, r.buffer)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return r.count > 0
		case err == unix.EBADFD:
			r.err = os.ErrClosed
			return true
		case err != nil:
			r.err = os.NewSyscallError("read", err)
			return true
		}
		if err := r.take(r.buffer[:n]); err != nil {
			r.logf("TUN: dropped a packet: %v", err)
		}
	}
}

func (r *reader) put(size int) {
	if size == 0 {
		r.logf("TUN: dropped a segment that no buffer can hold")
		return
	}
	r.sizes[r.count] = size
	r.count++
}

// take makes sense of one read: a packet for the next buffer, or segments that are left to be taken.
func (r *reader) take(bytes []byte) error {
	packet, header := bytes, virtioHeader{}
	if !r.plain {
		var err error
		if header, err = decodeVirtio(bytes); err != nil {
			return err
		}
		packet = bytes[virtioSize:]
	}
	if header.gsoType != unix.VIRTIO_NET_HDR_GSO_NONE {
		var err error
		r.left, err = cut(header, packet)
		return err
	}
	if header.flags&unix.VIRTIO_NET_HDR_F_NEEDS_CSUM != 0 {
		if err := completeChecksum(header, packet); err != nil {
			return err
		}
	}
	to := r.buffers[r.count][r.offset:]
	if len(packet) > len(to) {
		return fmt.Errorf("%d bytes, of which a buffer holds %d: %w", len(packet), len(to), unix.EMSGSIZE)
	}
	copy(to, packet)
	r.sizes[r.count] = len(packet)
	r.count++
	return nil
}
