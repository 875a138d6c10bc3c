package proxy

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// An idle stream must hold no buffer: ten thousand would hold 640 MiB.
func TestAnIdleStreamHoldsNoBuffer(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	var s source
	if s.read(uintptr(pair[0])) || s.taken != nil {
		t.Errorf("with nothing to read: holds %p", s.taken)
	}
	if _, err := unix.Write(pair[1], []byte("abc")); err != nil {
		t.Fatal(err)
	}
	if !s.read(uintptr(pair[0])) || s.taken == nil || s.length != 3 || s.err != nil {
		t.Errorf("read %d bytes and %v", s.length, s.err)
	}
}

// waiting is a connection of the tunnel, which tells when it can be read.
type waiting struct {
	net.Conn
	waits, reads int
	err          error
}

func (w *waiting) WaitReadable() error {
	w.waits++
	return w.err
}

func (w *waiting) Read(into []byte) (int, error) {
	w.reads++
	return copy(into, "abc"), nil
}

func TestAConnectionThatCanWaitIsReadWhenItIsReady(t *testing.T) {
	conn := &waiting{}
	s := newSource(conn)
	buffer, length, err := s.next()
	if conn.waits != 1 || conn.reads != 1 || buffer == nil || length != 3 || err != nil {
		t.Errorf("%d waits, %d reads, %d bytes, %v", conn.waits, conn.reads, length, err)
	}
	conn.err = net.ErrClosed
	if buffer, _, err := s.next(); conn.reads != 1 || buffer != nil || !errors.Is(err, net.ErrClosed) {
		t.Errorf("%d reads, %v", conn.reads, err)
	}
}
