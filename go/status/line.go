package status

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A line says one of three things: that UAPI answers ("ready NAME", with the interface's real name), why there is
// no tunnel ("CODE ERRNO: FACT"), or why the tunnel has ended ("REASON" or "REASON: FACT").

const ready = "ready "

// Ready returns the line of a tunnel that answers on the UAPI socket of the interface called name.
func Ready(name string) string { return ready + name }

// Failed returns the line of a tunnel that could not start.
func Failed(err error) string {
	return fmt.Sprintf("%s %d: %s", CodeOf(err), ErrnoOf(err), FactOf(err))
}

// Ended returns the line of a tunnel that has ended for a reason; err is what failed, if anything did.
func Ended(reason string, err error) string {
	if err == nil {
		return reason
	}
	return reason + ": " + FactOf(err)
}

// failed is compiled when a start has failed, not in every start: that takes 0.1 ms.
var failed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(WG_BRIDGE_[A-Z_]+) ([0-9]{1,4}): (.*)$`)
})

// ParseStart reads a tunnel's first line: the interface's name, or why the tunnel could not start.
func ParseStart(line string) (name string, err error) {
	if name, isReady := strings.CutPrefix(line, ready); isReady {
		return name, nil
	}
	parts := failed().FindStringSubmatch(line)
	if parts == nil {
		return "", &Failure{Code: Engine, Err: errors.New(line)}
	}
	errno, err := strconv.Atoi(parts[2])
	if err != nil {
		return "", err
	}
	return "", &Failure{Code: Code(parts[1]), Err: &remote{fact: parts[3], errno: unix.Errno(errno)}}
}

// A remote is an error of another process. Its fact has the errno's text already.
type remote struct {
	fact  string
	errno unix.Errno
}

func (r *remote) Error() string { return r.fact }

func (r *remote) Unwrap() error { return r.errno }
