package station

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// past is a deadline that is over: it wakes whoever waits for a connection.
var past = time.Unix(1, 0)

// hasHungUp reports whether the other end of a Unix socket is closed. One that has only ended its side reads as an end of
// file as well, but has not hung up.
func hasHungUp(fd uintptr) bool { return poll(fd, 0)&unix.POLLHUP != 0 }

// isReadable reports whether a read of a socket would not wait.
func isReadable(fd uintptr) bool { return poll(fd, unix.POLLIN) != 0 }

// poll returns which of some events there are for a descriptor, and whether it has failed or hung up.
func poll(fd uintptr, events int16) int16 {
	one := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		_, err := unix.Poll(one, 0)
		switch {
		case err == nil:
			return one[0].Revents
		case !errors.Is(err, unix.EINTR):
			return unix.POLLERR
		}
	}
}

// whileConnected calls hungUp if the client closes the connection before stop is called. Nothing of what it sends is read.
// stop returns once nothing watches any more.
func whileConnected(connection *net.UnixConn, raw syscall.RawConn, hungUp func()) (stop func()) {
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if err := raw.Read(hasHungUp); err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			hungUp()
		}
	}()
	return func() {
		// A deadline that is taken back at once would not wake the goroutine.
		_ = connection.SetReadDeadline(past)
		<-watched
		_ = connection.SetReadDeadline(time.Time{})
	}
}
