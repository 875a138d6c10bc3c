package proxy

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
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

// scriptedTarget takes what it is told to.
type scriptedTarget struct {
	net.Conn
	room  bool
	waits int
	taken int
}

func (s *scriptedTarget) WriteFrom(fd int) (int, error, error) {
	if !s.room {
		return 0, nil, nil
	}
	s.room = false
	n, err := unix.Read(fd, make([]byte, 2))
	s.taken += max(n, 0)
	if n == 0 {
		err = io.EOF
	}
	return max(n, 0), err, nil
}

func (s *scriptedTarget) WaitWritable() error {
	s.waits++
	s.room = true
	return nil
}

func TestAClientWaitsForTheRoomOfItsTarget(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	far, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if _, err := far.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	_ = far.Close()
	target, count := new(scriptedTarget), new(atomic.Uint64)
	readErr, writeErr := newSource(near).copyTo(target, count)
	// Without room nothing is read. Then two bytes, one, and the end.
	if readErr != nil || writeErr != nil || target.taken != 3 || count.Load() != 3 || target.waits < 3 {
		t.Errorf("took %d bytes and counted %d after %d waits, %v, %v", target.taken, count.Load(), target.waits, readErr, writeErr)
	}
}
