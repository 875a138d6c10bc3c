package tunnel

import (
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// After a failed accept, accept pauses before it tries again: first for minAcceptPause, then twice as long each time.
// Once a pause is as long as acceptLogPause it is logged, and again after acceptLogInterval. Shorter failures are not
// worth a line.
const (
	minAcceptPause    = 5 * time.Millisecond
	maxAcceptPause    = time.Second
	acceptLogPause    = 100 * time.Millisecond
	acceptLogInterval = time.Minute
)

// accept serves the connections of the UAPI socket until the tunnel ends, or the socket is gone. Any
// other error passes: the process or the machine is out of descriptors or memory, or a filter refused one
// connection. Clients meanwhile wait in the socket's queue.
func (t *Tunnel) accept() {
	var pause time.Duration
	var logged time.Time
	for {
		connection, err := t.listener.Accept()
		if err == nil {
			if pause >= acceptLogPause {
				t.log.Verbosef("The UAPI socket accepts again")
			}
			pause = 0
			t.admit(connection)
			continue
		}
		if isSocketGone(err) {
			t.accepted <- err
			return
		}
		pause = nextPause(pause)
		if pause >= acceptLogPause && time.Since(logged) >= acceptLogInterval {
			t.log.Errorf("The UAPI socket cannot accept a connection, and tries again: %v%s", err, remedy(err))
			logged = time.Now()
		}
		select {
		case <-t.ending:
			return
		case <-time.After(pause):
		}
	}
}

// nextPause doubles a pause, within its limits.
func nextPause(pause time.Duration) time.Duration {
	return min(max(2*pause, minAcceptPause), maxAcceptPause)
}

// admit serves the connection in a goroutine, unless the tunnel is ending.
func (t *Tunnel) admit(connection net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.connections == nil {
		_ = connection.Close() // never used
		return
	}
	t.connections[connection] = struct{}{}
	t.handlers.Go(func() { t.handle(connection) })
}

// isSocketGone reports whether no later accept can succeed: the socket is closed, is not a socket, or no
// longer listens (EINVAL, after shutdown).
func isSocketGone(err error) bool {
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
