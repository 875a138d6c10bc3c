// Package uapi owns the socket over which wg(8) configures an interface:
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

// Directory holds the sockets of every userspace WireGuard on the host; wg(8) looks here.
const Directory = "/var/run/wireguard"

// predecessorGrace is how long a socket in use is given to be let go. An interface's name can be
// used again as soon as the interface is deleted, while the program that served it is still ending.
const (
	predecessorGrace = 2 * time.Second
	predecessorPause = 10 * time.Millisecond // between two attempts
)

// Path returns the path of the socket of the interface called name.
func Path(name string) string { return filepath.Join(Directory, name+".sock") }

// Open binds the socket of the interface called name, with mode 0600, and listens on it. It makes
// the directory (mode 0755), replaces a dead socket, and waits for one whose owner is ending. The
// error wraps EADDRINUSE where another program serves the name, EACCES or EPERM without permission. EPERM
// also says that a user other than root and this one could serve sockets in the directory, or does.
func Open(name string) (*os.File, error) {
	if err := os.MkdirAll(Directory, 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of UAPI sockets: %w", err)
	}
	if err := checkDirectory(Directory); err != nil {
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
			return nil, fmt.Errorf("UAPI socket %s is in use by another running program: stop that program, or choose another interface name: %w", path, unix.EADDRINUSE)
		}
	}
}

// refuseStranger returns an error that wraps EEXIST if something else than a socket is at path: who put it there,
// and what for, is not known here.
func refuseStranger(path string) error {
	found, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil // It has gone meanwhile.
	case err != nil:
		return fmt.Errorf("looking at what is in the way of UAPI socket %s: %w", path, err)
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
	return fmt.Errorf("a %s is in the way of UAPI socket %s: remove it, or choose another interface name: %w", what, path, unix.EEXIST)
}

// bindOrReplace binds path, after it has removed a socket there that nobody serves. Two programs
// that replace one dead socket at once cannot both keep it: the loser's Removed channel closes.
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
		return nil, err // Somebody listens, whose queue of connections is full.
	case errors.Is(dialErr, unix.ENOENT):
		return bind(path)
	case !errors.Is(dialErr, unix.ECONNREFUSED):
		return nil, fmt.Errorf("asking whether UAPI socket %s is in use: %w", path, dialErr)
	}
	if err := persist(func() error { return os.Remove(path) }); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the dead UAPI socket: %w", err)
	}
	return bind(path)
}

func bind(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("making the UAPI socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), path)
	// The mode of an unbound socket becomes that of its path: no moment in which others may connect,
	// and the process's umask, which belongs to whoever loaded us, stays as it is.
	err = unix.Fchmod(fd, 0o600)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("binding UAPI socket %s: %w", path, err), file.Close())
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return nil, errors.Join(fmt.Errorf("listening on UAPI socket %s: %w", path, err), persist(func() error { return os.Remove(path) }), file.Close())
	}
	return file, nil
}

// waitForEnd connects to the program that serves path and waits until it hangs up. It answers false
// when that has not happened by the deadline.
func waitForEnd(path string, deadline time.Time) (ended bool) {
	if !time.Now().Before(deadline) {
		return false
	}
	connection, err := dial(path)
	if err != nil {
		time.Sleep(predecessorPause) // Binding comes next, which may fail in the same way.
		return true
	}
	defer connection.Close()
	if err := connection.SetReadDeadline(deadline); err != nil {
		return false
	}
	_, err = connection.Read(make([]byte, 1))
	return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET)
}

// An identity tells one socket from another that took its path later.
type identity struct {
	device, inode uint64
}

func identify(path string) (identity, error) {
	var stat unix.Stat_t
	if err := persist(func() error { return unix.Lstat(path, &stat) }); err != nil {
		return identity{}, fmt.Errorf("looking at UAPI socket %s: %w", path, err)
	}
	return identity{uint64(stat.Dev), stat.Ino}, nil
}

// remove removes the socket at path if it is still the one that is meant. Call it before that one
// stops listening: until then no successor takes the path, so there is nothing to race with.
func remove(path string, meant identity) error {
	found, err := identify(path)
	if errors.Is(err, unix.ENOENT) || err == nil && found != meant {
		return nil
	}
	if err != nil {
		return fmt.Errorf("UAPI socket %s may be left, as nobody can say whose it is: %w", path, err)
	}
	if err := persist(func() error { return os.Remove(path) }); err != nil {
		return fmt.Errorf("UAPI socket %s is left: %w", path, err)
	}
	return nil
}

// persistAttempts bounds persist: less than a tenth of a second.
const persistAttempts = 7

// persist runs do until it succeeds, or fails with an error that does not pass.
func persist(do func() error) (err error) {
	for failures := 1; failures <= persistAttempts; failures++ {
		if err = do(); err == nil || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return err
		}
		time.Sleep(backoff.After(failures))
	}
	return err
}
