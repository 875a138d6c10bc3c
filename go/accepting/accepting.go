// Package accepting accepts the connections of a listener for as long as there is one.
package accepting

import (
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// After a failed accept, a Patient pauses before it tries again: first for minPause, then twice as long each time. Once a
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

// An Acceptor is what accepts connections, such as a net.Listener.
type Acceptor interface{ Accept() (net.Conn, error) }

// A Patient accepts the connections of a listener until that is gone. Every other failure passes: the process or the machine
// is out of descriptors or memory, or a filter refused one connection. Clients meanwhile wait in the listener's queue. One
// goroutine may use it.
type Patient struct {
	listener Acceptor
	what     string
	log      Log
	done     <-chan struct{}
	pause    time.Duration
	logged   time.Time
}

// NewPatient returns a Patient. Once done is closed, no failure is waited for. what names the listener in the log.
func NewPatient(listener Acceptor, what string, log Log, done <-chan struct{}) *Patient {
	return &Patient{listener: listener, what: what, log: log, done: done}
}

// Accept returns the next connection, or why there will be none: net.ErrClosed if done is closed.
func (p *Patient) Accept() (net.Conn, error) {
	for {
		connection, err := p.listener.Accept()
		if err == nil {
			if p.pause >= logPause {
				p.log.Verbosef("%s accepts again", p.what)
			}
			p.pause = 0
			return connection, nil
		}
		select {
		case <-p.done:
			return nil, net.ErrClosed
		default:
		}
		if isGone(err) {
			return nil, err
		}
		p.pause = NextPause(p.pause)
		if p.pause >= logPause && time.Since(p.logged) >= logInterval {
			p.log.Errorf("%s cannot accept a connection, and tries again: %v%s", p.what, err, remedy(err))
			p.logged = time.Now()
		}
		select {
		case <-p.done:
			return nil, net.ErrClosed
		case <-time.After(p.pause):
		}
	}
}

// Loop calls admit with each connection of a listener, until done is closed, after which it returns nil, or the listener
// is gone, for which it returns the reason.
func Loop(listener Acceptor, what string, log Log, done <-chan struct{}, admit func(net.Conn)) error {
	patient := NewPatient(listener, what, log, done)
	for {
		connection, err := patient.Accept()
		if err == nil {
			admit(connection)
			continue
		}
		select {
		case <-done:
			return nil
		default:
			return err
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
