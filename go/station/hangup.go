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
func hasHungUp(fd uintptr) bool {
	poll := []unix.PollFd{{Fd: int32(fd)}}
	for {
		_, err := unix.Poll(poll, 0)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && poll[0].Revents&unix.POLLHUP != 0
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
