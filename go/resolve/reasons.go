package resolve

import (
	"context"
	"errors"
	"sync/atomic"
	"syscall"
)

// errNoServer is the cause of an Error if there is nobody to ask.
var errNoServer = errors.New("the tunnel has no DNS server, and this machine's are never asked: " +
	"add a line DNS = ADDRESS to [Interface], or use an address in place of the name")

// Reasons counts why lookups have failed. Those that their caller gave up are in none of them.
type Reasons struct {
	NotFound     uint64 `json:"notFound"`     // The name cannot exist, or a server says that it has no such address.
	NoServer     uint64 `json:"noServer"`     // There is no server to ask.
	TimedOut     uint64 `json:"timedOut"`     // No server has answered in time.
	Unreachable  uint64 `json:"unreachable"`  // No server could be asked, as outside the allowed IPs.
	ServerFailed uint64 `json:"serverFailed"` // A server has answered with an error, or what cannot be used.
}

type reasonCounts struct {
	notFound, noServer, timedOut, unreachable, serverFailed atomic.Uint64
}

func (c *reasonCounts) read() Reasons {
	return Reasons{
		NotFound:     c.notFound.Load(),
		NoServer:     c.noServer.Load(),
		TimedOut:     c.timedOut.Load(),
		Unreachable:  c.unreachable.Load(),
		ServerFailed: c.serverFailed.Load(),
	}
}

// count counts an error of a lookup.
func (c *reasonCounts) count(err error) {
	var known *Error
	var errno syscall.Errno
	switch {
	case errors.Is(err, context.Canceled):
	case errors.Is(err, errNoServer):
		c.noServer.Add(1)
	case errors.As(err, &known) && known.Err == nil:
		c.notFound.Add(1)
	case errors.Is(err, errSilent), errors.Is(err, context.DeadlineExceeded):
		c.timedOut.Add(1)
	case errors.As(err, &errno):
		c.unreachable.Add(1)
	default:
		c.serverFailed.Add(1)
	}
}
