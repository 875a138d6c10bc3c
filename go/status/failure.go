// Package status holds what this project's Go code says to programs in other languages: why something failed, as a
// code, an errno and a fact, and the lines that a tunnel writes about its state. src/backends/status.ts reads them.
package status

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// A Code classifies a failure. The values are those of WgBridgeErrorCode in src/errors.ts.
type Code string

const (
	Engine          Code = "WG_BRIDGE_ENGINE" // anything without a code of its own
	InterfaceName   Code = "WG_BRIDGE_INTERFACE_NAME"
	InterfaceExists Code = "WG_BRIDGE_INTERFACE_EXISTS"
	NoTUN           Code = "WG_BRIDGE_NO_TUN"
	SocketInUse     Code = "WG_BRIDGE_SOCKET_IN_USE"
	Permission      Code = "WG_BRIDGE_PERMISSION"
	Untrusted       Code = "WG_BRIDGE_UNTRUSTED"
	SocketDirectory Code = "WG_BRIDGE_SOCKET_DIRECTORY"
	Resources       Code = "WG_BRIDGE_RESOURCES"
	Value           Code = "WG_BRIDGE_VALUE" // what the caller gave cannot be used, such as a descriptor
	UnknownFeature  Code = "WG_BRIDGE_FEATURE_UNKNOWN"
	Lost            Code = "WG_BRIDGE_LOST" // the tunnel ran, and ended because something failed
)

// A Failure is an error with a code. Its text in a log begins with what was being done; its fact does not.
type Failure struct {
	Code Code
	Task string // what was being done, for the log; may be empty
	Err  error
}

func (f *Failure) Error() string {
	if f.Task == "" {
		return f.Err.Error()
	}
	return f.Task + ": " + f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// CodeOf returns the code of the failure in err's tree. Without one, running out of something is Resources, and
// all else is Engine.
func CodeOf(err error) Code {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ByErrno(err, nil)
}

// ByErrno looks up the errno that err wraps. Running out of something is Resources, and anything that codes does not
// have is Engine.
func ByErrno(err error, codes map[unix.Errno]Code) Code {
	errno := ErrnoOf(err)
	if code, ok := codes[errno]; ok {
		return code
	}
	switch errno {
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS, unix.EAGAIN:
		return Resources
	}
	return Engine
}

// ErrnoOf returns the errno that err wraps, or EIO if it wraps none.
func ErrnoOf(err error) unix.Errno {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return unix.EIO
}

// FactOf returns what failed, in one line and without the tasks of failures.
func FactOf(err error) string {
	switch err := err.(type) {
	case *Failure:
		return FactOf(err.Err)
	case interface{ Unwrap() []error }: // errors.Join's
		var facts []string
		for _, one := range err.Unwrap() {
			facts = append(facts, FactOf(one))
		}
		return strings.Join(facts, "; ")
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
