// Package uapi opens and serves the socket through which wg(8) configures an interface,
// /var/run/wireguard/NAME.sock. See "Cross-platform Userspace Implementation" on
// https://www.wireguard.com/xplatform/.
package uapi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
)

// socketDirectory is where the sockets of all userspace WireGuards on the host are, and where wg(8) looks for them.
const socketDirectory = "/var/run/wireguard"

// predecessorGrace is how long Open waits for a socket in use to be released. An interface's name can be used again
// as soon as the interface is deleted, while the program that served it is still exiting.
const (
	predecessorGrace = 2 * time.Second
	predecessorPause = 10 * time.Millisecond // between two attempts
)

// A DirectoryError says that no user can make a socket: the directory of UAPI sockets, or what leads to it, is missing
// and cannot be made, or is read-only.
type DirectoryError struct{ Err error }

func (e *DirectoryError) Error() string { return e.Err.Error() }

// Unwrap returns the error of the system.
func (e *DirectoryError) Unwrap() error { return e.Err }

// Path returns the path of the socket of the interface called name.
func Path(name string) string { return filepath.Join(socketDirectory, name+".sock") }

// Open binds the socket of the interface called name, with mode 0600, and listens on it. It creates the directory
// (mode 0755), replaces a dead socket, and waits for one whose owner is exiting. The error wraps EADDRINUSE if
// another program serves the name, and EACCES or EPERM without permission. It also wraps EPERM if a user other than
// root and this one serves the name, or could serve sockets in the directory. It is a DirectoryError if nobody can.
func Open(name string) (*os.File, error) {
	if err := os.MkdirAll(socketDirectory, 0o755); err != nil {
		return nil, directoryError(fmt.Errorf("creating the directory of UAPI sockets: %w", err))
	}
	if err := checkDirectory(socketDirectory); err != nil {
		return nil, fmt.Errorf("the directory of UAPI sockets cannot be trusted: %w", err)
	}
	path := Path(name)
	deadline := time.Now().Add(predecessorGrace)
	for {
		file, err := bindOrReplace(path)
		if !errors.Is(err, unix.EADDRINUSE) {
			return file, err
		}
		if !waitForEnd(path, deadline) {
			return nil, fmt.Errorf("UAPI socket %s is in use by another running program: %w", path, unix.EADDRINUSE)
		}
	}
}

// directoryError makes a DirectoryError of an error with one of these reasons.
func directoryError(err error) error {
	for _, reason := range []unix.Errno{unix.EROFS, unix.ENOENT, unix.ENOTDIR, unix.EEXIST} {
		if errors.Is(err, reason) {
			return &DirectoryError{err}
		}
	}
	return err
}

// refuseStranger returns an error that wraps EEXIST if something other than a socket is at path: it may matter to
// whoever put it there.
func refuseStranger(path string) error {
	found, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil // It has gone meanwhile.
	case err != nil:
		return fmt.Errorf("inspecting what is in the way of UAPI socket %s: %w", path, err)
	case found.Mode()&os.ModeSocket != 0:
		return nil
	}
	what := "file that is not a socket"
	switch {
	case found.Mode()&os.ModeSymlink != 0:
		what = "symbolic link"
	case found.IsDir():
		what = "directory"
	}
	return fmt.Errorf("a %s is in the way of UAPI socket %s: %w", what, path, unix.EEXIST)
}

// bindOrReplace binds path, and removes a socket there that nobody serves. If two programs replace a dead socket at
// the same time, only one keeps it: the other's Removed channel is closed.
func bindOrReplace(path string) (*os.File, error) {
	file, err := bind(path)
	if !errors.Is(err, unix.EADDRINUSE) {
		return file, err
	}
	if err := refuseStranger(path); err != nil {
		return nil, err
	}
	connection, dialErr := dial(path)
	switch {
	case dialErr == nil:
		return nil, errors.Join(err, connection.Close())
	case errors.Is(dialErr, unix.EAGAIN):
		return nil, err // Somebody listens, and the queue of connections is full.
	case errors.Is(dialErr, unix.ENOENT):
		return bind(path)
	case !errors.Is(dialErr, unix.ECONNREFUSED):
		return nil, fmt.Errorf("finding out whether UAPI socket %s is in use: %w", path, dialErr)
	}
	if err := persist(func() error { return os.Remove(path) }); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the dead UAPI socket: %w", err)
	}
	return bind(path)
}

func bind(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("creating the UAPI socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), path)
	// The mode of an unbound socket becomes that of its path: no moment in which others may connect,
	// and the process's umask, which belongs to whoever loaded us, stays as it is.
	err = unix.Fchmod(fd, 0o600)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		err = fmt.Errorf("binding UAPI socket %s: %w", path, err)
		if errors.Is(err, unix.EROFS) {
			err = &DirectoryError{err}
		}
		return nil, errors.Join(err, file.Close())
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return nil, errors.Join(fmt.Errorf("listening on UAPI socket %s: %w", path, err), persist(func() error { return os.Remove(path) }), file.Close())
	}
	return file, nil
}

// waitForEnd connects to the program that serves path and waits until it hangs up. It returns false if that has not
// happened by the deadline.
func waitForEnd(path string, deadline time.Time) (ended bool) {
	if !time.Now().Before(deadline) {
		return false
	}
	connection, err := dial(path)
	if err != nil {
		time.Sleep(predecessorPause) // The caller binds next, which may fail in the same way.
		return true
	}
	defer connection.Close()
	if err := connection.SetReadDeadline(deadline); err != nil {
		return false
	}
	_, err = connection.Read(make([]byte, 1))
	return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET)
}

// An identity distinguishes a socket from another one that takes its path later.
type identity struct {
	device, inode uint64
}

func identify(path string) (identity, error) {
	var stat unix.Stat_t
	if err := persist(func() error { return unix.Lstat(path, &stat) }); err != nil {
		return identity{}, fmt.Errorf("inspecting UAPI socket %s: %w", path, err)
	}
	return identity{uint64(stat.Dev), stat.Ino}, nil
}

// remove removes the socket at path if it is still the one with that identity. Call it before that one stops
// listening: until then no successor takes the path, so there is no race.
func remove(path string, own identity) error {
	found, err := identify(path)
	if errors.Is(err, unix.ENOENT) || err == nil && found != own {
		return nil
	}
	if err != nil {
		return fmt.Errorf("UAPI socket %s may be left, because its owner cannot be determined: %w", path, err)
	}
	if err := persist(func() error { return os.Remove(path) }); err != nil {
		return fmt.Errorf("UAPI socket %s is left: %w", path, err)
	}
	return nil
}

// persistAttempts bounds persist to less than a tenth of a second.
const persistAttempts = 7

// persist calls do until it succeeds or fails with an error that is not transient.
func persist(do func() error) (err error) {
	for failures := 1; failures <= persistAttempts; failures++ {
		if err = do(); err == nil || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return err
		}
		time.Sleep(backoff.After(failures))
	}
	return err
}
