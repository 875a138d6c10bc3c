// Package accepting accepts the connections of a listener for as long as there is one.
package accepting

import (
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// After a failed accept, Loop pauses before it tries again: first for minPause, then twice as long each time. Once a
// pause is as long as logPause it is logged, and again after logInterval. Shorter failures are not worth a line.
const (
	minPause    = 5 * time.Millisecond
	maxPause    = time.Second
	logPause    = 100 * time.Millisecond
	logInterval = time.Minute
)

// A Log takes what is worth a line, Printf-style.
type Log struct {
	Verbosef, Errorf func(format string, arguments ...any)
}

// Loop calls admit with each connection of a listener, until done is closed, after which it returns nil, or the listener
// is gone, for which it returns the reason. Any other error passes: the process or the machine is out of descriptors or
// memory, or a filter refused one connection. Clients meanwhile wait in the listener's queue. what names the listener in
// the log.
func Loop(listener interface{ Accept() (net.Conn, error) }, what string, log Log, done <-chan struct{}, admit func(net.Conn)) error {
	var pause time.Duration
	var logged time.Time
	for {
		connection, err := listener.Accept()
		if err == nil {
			if pause >= logPause {
				log.Verbosef("%s accepts again", what)
			}
			pause = 0
			admit(connection)
			continue
		}
		select {
		case <-done:
			return nil
		default:
		}
		if isGone(err) {
			return err
		}
		pause = NextPause(pause)
		if pause >= logPause && time.Since(logged) >= logInterval {
			log.Errorf("%s cannot accept a connection, and tries again: %v%s", what, err, remedy(err))
			logged = time.Now()
		}
		select {
		case <-done:
			return nil
		case <-time.After(pause):
		}
	}
}

// NextPause doubles a pause, within its limits.
func NextPause(pause time.Duration) time.Duration {
	return min(max(2*pause, minPause), maxPause)
}

// isGone reports whether no later accept can succeed: the socket is closed, is not a socket, or no longer listens (EINVAL,
// after shutdown).
func isGone(err error) bool {
	for _, final := range []error{net.ErrClosed, os.ErrClosed, unix.EBADF, unix.EINVAL, unix.ENOTSOCK, unix.EOPNOTSUPP} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// remedy says what to do about a full table of descriptors.
func remedy(err error) string {
	switch {
	case errors.Is(err, unix.EMFILE):
		return " (raise this process's limit of open files, as by ulimit -n)"
	case errors.Is(err, unix.ENFILE):
		return " (raise fs.file-max)"
	}
	return ""
}
