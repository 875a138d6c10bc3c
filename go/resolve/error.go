package resolve

import (
	"errors"
	"fmt"
)

// What an Error's Code can be: the codes that Node's dns.lookup reports.
const (
	NotFound = "ENOTFOUND" // the name has no such address, says a server; or it cannot be asked for
	TryAgain = "EAI_AGAIN" // no server has answered
)

// An Error says why a name has no addresses.
type Error struct {
	Code   string // NotFound or TryAgain
	Name   string // as the caller gave it
	Reason string
	Err    error // the cause, if it is an error of the network or of a context
}

func (e *Error) Error() string { return fmt.Sprintf("resolving %q: %s", e.Name, e.Reason) }

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the cause is a timeout, as net.Error's does.
func (e *Error) Timeout() bool {
	var timeout interface{ Timeout() bool }
	return errors.As(e.Err, &timeout) && timeout.Timeout()
}

// notFound returns an error that says that the name does not exist or has no such address.
func notFound(name, format string, arguments ...any) *Error {
	return &Error{Code: NotFound, Name: name, Reason: fmt.Sprintf(format, arguments...)}
}
