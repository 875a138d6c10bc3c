package accepting

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A script is a listener whose Accept returns these errors one after another; nil stands for a connection.
type script []error

func (s *script) Accept() (net.Conn, error) {
	next := (*s)[0]
	*s = (*s)[1:]
	if next != nil {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", next)}
	}
	here, there := net.Pipe()
	there.Close()
	return here, nil
}

func TestFailuresPassAndOnlyLongOnesAreLogged(t *testing.T) {
	var lines []string
	logf := func(format string, arguments ...any) { lines = append(lines, fmt.Sprintf(format, arguments...)) }
	admitted := 0
	count := func(connection net.Conn) {
		admitted++
		connection.Close()
	}
	short := script{unix.EMFILE, nil, unix.ECONNABORTED, nil, unix.EINVAL}
	if err := Loop(&short, "The door", Log{logf, logf}, nil, count); !errors.Is(err, unix.EINVAL) || admitted != 2 || len(lines) != 0 {
		t.Errorf("%v, %d admitted, logged %q", err, admitted, lines)
	}
	long := script{unix.EMFILE, unix.EMFILE, unix.EMFILE, unix.EMFILE, unix.EMFILE, unix.EMFILE, nil, net.ErrClosed}
	if err := Loop(&long, "The door", Log{logf, logf}, nil, count); !errors.Is(err, net.ErrClosed) || admitted != 3 {
		t.Errorf("%v, %d admitted", err, admitted)
	}
	if len(lines) != 2 || !strings.Contains(lines[0], "too many open files") || !strings.Contains(lines[0], "ulimit -n") ||
		lines[1] != "The door accepts again" {
		t.Errorf("logged %q", lines)
	}
}

func TestALoopThatIsToEndReturnsNothing(t *testing.T) {
	done := make(chan struct{})
	close(done)
	for _, last := range []error{net.ErrClosed, unix.EMFILE} {
		if err := Loop(&script{last}, "The door", Log{}, done, nil); err != nil {
			t.Errorf("after %v: %v", last, err)
		}
	}
}

func TestOnlyAListenerThatIsGoneEndsTheLoop(t *testing.T) {
	for err, gone := range map[error]bool{
		net.ErrClosed: true, unix.EBADF: true, unix.EINVAL: true, unix.ENOTSOCK: true, unix.EOPNOTSUPP: true,
		unix.EMFILE: false, unix.ENFILE: false, unix.ENOMEM: false, unix.ENOBUFS: false, unix.EPERM: false,
		unix.ECONNABORTED: false, unix.EPROTO: false, unix.EINTR: false, unix.EIO: false,
	} {
		if wrapped := (&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)}); isGone(wrapped) != gone {
			t.Errorf("%v: gone %t", err, !gone)
		}
	}
}
