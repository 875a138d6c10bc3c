package proxy

import (
	"context"
	"errors"
	"net"
	"syscall"

	"wg-bridge/go/resolve"
)

// A Reason is why a target cannot be reached, as far as the protocols of proxies tell reasons apart.
type Reason int

// The reasons.
const (
	Failed      Reason = iota // none of the others
	Refused                   // The target refuses the connection.
	TimedOut                  // It does not answer.
	Unreachable               // No peer's allowed IPs hold it, or a router says that there is no way.
	NoFamily                  // The tunnel has no address of its family.
	Unresolved                // Its name has no address.
	Closed                    // The tunnel has ended.
	NotAllowed                // The operator does not allow it.
	Abandoned                 // The client has hung up, or the proxy was stopped.
)

// ReasonOf returns the reason in an error of a Network, a Resolver or a Connector.
func ReasonOf(err error) Reason {
	if errors.Is(err, ErrNotAllowed) {
		return NotAllowed
	}
	var unresolved *resolve.Error
	if errors.As(err, &unresolved) {
		if errors.Is(err, context.Canceled) {
			return Abandoned
		}
		return Unresolved
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		switch errno {
		case syscall.ECONNREFUSED:
			return Refused
		case syscall.ETIMEDOUT:
			return TimedOut
		case syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN:
			return Unreachable
		case syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT:
			return NoFamily
		}
	}
	switch {
	case errors.Is(err, net.ErrClosed):
		return Closed
	case errors.Is(err, context.Canceled):
		return Abandoned
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	}
	return Failed
}
