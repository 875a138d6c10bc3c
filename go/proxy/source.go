package proxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// bufferSize is how much a pump moves at once.
const bufferSize = 64 << 10

type buffer [bufferSize]byte

// buffers are taken while there is something to read, so that an idle stream holds none.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

// A source is what one pump reads from.
type source struct {
	conn   net.Conn
	prefix []byte // read before anything from conn
	// One of these, or neither if conn can only be read with a buffer at hand.
	raw          syscall.RawConn
	waitReadable func() error

	attempt func(fd uintptr) bool // what raw.Read calls: made once, not for each read
	taken   *buffer               // what attempt has read, and how that went
	length  int
	err     error
}

func newSource(conn net.Conn) *source {
	s := &source{conn: conn}
	if begun, ok := conn.(*begunConn); ok {
		s.prefix, s.conn = begun.prefix, begun.Conn
		begun.prefix = nil
	}
	switch conn := s.conn.(type) {
	case interface{ WaitReadable() error }:
		s.waitReadable = conn.WaitReadable
	case syscall.Conn:
		if raw, err := conn.SyscallConn(); err == nil {
			s.raw, s.attempt = raw, s.read
		}
	}
	return s
}

// read reads from a descriptor that does not block, into a buffer that it gives back if there is nothing yet.
func (s *source) read(fd uintptr) bool {
	s.taken = buffers.Get().(*buffer)
	for {
		s.length, s.err = unix.Read(int(fd), s.taken[:])
		if !errors.Is(s.err, unix.EINTR) {
			break
		}
	}
	if errors.Is(s.err, unix.EAGAIN) {
		buffers.Put(s.taken)
		s.taken = nil
		return false
	}
	return true
}

// next waits for bytes and returns them in a buffer that the caller gives back, whatever the error.
func (s *source) next() (*buffer, int, error) {
	switch {
	case len(s.prefix) > 0:
		into := buffers.Get().(*buffer)
		length := copy(into[:], s.prefix)
		s.prefix = s.prefix[length:]
		return into, length, nil
	case s.raw != nil:
		s.taken = nil
		if err := s.raw.Read(s.attempt); err != nil {
			return s.taken, 0, err
		}
		if s.err == nil && s.length == 0 {
			return s.taken, 0, io.EOF
		}
		return s.taken, max(s.length, 0), s.err
	case s.waitReadable != nil:
		if err := s.waitReadable(); err != nil {
			return nil, 0, err
		}
	}
	into := buffers.Get().(*buffer)
	length, err := s.conn.Read(into[:])
	return into, length, err
}

// copyTo writes everything to a connection, until the source ends or one of both fails.
func (s *source) copyTo(to io.Writer, count *atomic.Uint64) (readErr, writeErr error) {
	for {
		if target, ok := to.(spliceTarget); ok && s.raw != nil && len(s.prefix) == 0 {
			return s.spliceTo(target, count)
		}
		from, length, err := s.next()
		if length > 0 {
			count.Add(uint64(length))
			_, writeErr = to.Write(from[:length])
		}
		if from != nil {
			buffers.Put(from)
		}
		switch {
		case writeErr != nil:
			return nil, writeErr
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return err, nil
		}
	}
}

// A spliceTarget takes bytes straight from a descriptor.
type spliceTarget interface {
	// WriteFrom takes what waits in a socket that does not block, and waits for nothing. readErr is EAGAIN if the socket is
	// empty, io.EOF if it has ended. If all are nil, there may be more, or no room for it.
	WriteFrom(fd int) (n int, readErr, err error)
	// WaitWritable waits for room.
	WaitWritable() error
}

// spliceTo does for a spliceTarget what copyTo does, without a buffer.
func (s *source) spliceTo(to spliceTarget, count *atomic.Uint64) (readErr, writeErr error) {
	splice := func(fd uintptr) (done bool) {
		var n int
		n, readErr, writeErr = to.WriteFrom(int(fd))
		count.Add(uint64(n))
		return !errors.Is(readErr, unix.EAGAIN)
	}
	for {
		if err := s.raw.Read(splice); err != nil {
			return err, nil
		}
		switch {
		case writeErr != nil:
			return nil, writeErr
		case errors.Is(readErr, io.EOF):
			return nil, nil
		case readErr != nil:
			return readErr, nil
		}
		// Not in splice: a wait there would keep the client's descriptor from being closed.
		if err := to.WaitWritable(); err != nil {
			return nil, err
		}
	}
}
