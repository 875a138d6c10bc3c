package tunnel

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"wg-bridge/go/status"
	"wg-bridge/go/tun"
	"wg-bridge/go/uapi"
)

// Files are the open TUN interface and the listening UAPI socket of a tunnel that has not started:
// what a program can hand to the child that is to run it.
type Files struct {
	Name string // the interface's real name
	Given
}

// Upstream's words for the two tasks, which people who watch its log know.
const (
	tunTask  = "Failed to create TUN device"
	uapiTask = "UAPI listen error"
)

// tunFailure classifies an error of package tun.
func tunFailure(err error) error {
	code := status.ByErrno(err, map[unix.Errno]status.Code{
		unix.EBUSY:  status.InterfaceExists,
		unix.ENOENT: status.NoTUN,
		unix.ENODEV: status.NoTUN,
		unix.EPERM:  status.Permission,
		unix.EACCES: status.Permission,
		unix.EINVAL: status.Value,
	})
	return &status.Failure{Code: code, Task: tunTask, Err: err}
}

// uapiFailure classifies an error of package uapi.
func uapiFailure(err error) error {
	var code status.Code
	var directory *uapi.DirectoryError
	switch {
	case errors.Is(err, uapi.ErrUntrusted):
		code = status.Untrusted
	case errors.As(err, &directory):
		code = status.SocketDirectory
	default:
		code = status.ByErrno(err, map[unix.Errno]status.Code{
			unix.EADDRINUSE: status.SocketInUse,
			unix.EPERM:      status.Permission,
			unix.EACCES:     status.Permission,
			unix.EINVAL:     status.Value,
			unix.ENOTSOCK:   status.Value,
		})
	}
	return &status.Failure{Code: code, Task: uapiTask, Err: err}
}

// Given are the files that a process was given for its tunnel; Open opens those that are nil.
type Given struct {
	TUN, UAPI *os.File
}

// Open makes the interface called name with an MTU in bytes (0 means DefaultMTU) and binds its UAPI
// socket, or takes the given files, which it owns from here on. A given interface keeps its name, whatever name is.
// An error is a status.Failure around one of tun.Open or uapi.Open; after it, nothing is left behind.
func Open(name string, mtu int, given Given) (_ Files, err error) {
	if mtu == 0 {
		mtu = DefaultMTU
	}
	files := Files{name, given}
	defer func() {
		if err != nil {
			err = errors.Join(err, files.Discard())
		}
	}()
	if files.TUN == nil {
		if err := tun.CheckName(name); err != nil {
			return Files{}, &status.Failure{Code: status.InterfaceName, Task: tunTask, Err: err}
		}
		if files.TUN, err = tun.Open(name, mtu); err != nil {
			return Files{}, tunFailure(err)
		}
	}
	if files.Name, err = tun.Name(files.TUN); err != nil {
		return Files{}, tunFailure(err)
	}
	if files.UAPI == nil {
		if files.UAPI, err = uapi.Open(files.Name); err != nil {
			return Files{}, uapiFailure(err)
		}
	}
	return files, nil
}

// Release closes the files, and leaves the interface and the socket to the process that was given them.
func (g Given) Release() error {
	var errs [2]error
	if g.TUN != nil {
		errs[0] = g.TUN.Close()
	}
	if g.UAPI != nil {
		errs[1] = g.UAPI.Close()
	}
	return errors.Join(errs[:]...)
}

// Discard closes the files and with that deletes the interface, and removes the socket.
func (f Files) Discard() error {
	var errs [2]error
	if f.UAPI != nil {
		errs[0] = uapi.Discard(f.Name, f.UAPI)
	}
	if f.TUN != nil {
		errs[1] = f.TUN.Close()
	}
	return errors.Join(errs[:]...)
}
