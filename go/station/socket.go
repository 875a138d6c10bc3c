package station

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/pollable"
)

// MaxPath is the maximum length in bytes of a socket's path: the kernel's, less the NUL that ends it.
const MaxPath = 107

// ErrUntrusted says that another user could take the station's place, or uses it. It wraps EPERM.
var ErrUntrusted = fmt.Errorf("not trusted: %w", unix.EPERM)

// A socket is a station's socket. Its Close removes its path.
type socket struct {
	*net.UnixListener
	path          string
	device, inode uint64
	spare         *os.File // makes room for a connection that has to be refused; nil if it could not be opened again
}

// listen binds a socket to a path and listens on it, with mode 0600. The error wraps EADDRINUSE if something is there,
// and ErrUntrusted if anybody else could enter the directory.
func listen(path string) (_ *socket, err error) {
	if path == "" || len(path) > MaxPath || !filepath.IsAbs(path) {
		return nil, fmt.Errorf("the station's socket cannot be %q: name an absolute path of at most %d bytes: %w", path, MaxPath, unix.EINVAL)
	}
	if err := checkDirectory(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("the directory of the station's socket: %w", err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("creating the station's socket: %w", os.NewSyscallError("socket", err))
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close() // the listener has a descriptor of its own
	// The mode of an unbound socket becomes that of its path: there is no moment in which others may connect.
	if err := unix.Fchmod(fd, 0o600); err != nil {
		return nil, fmt.Errorf("the mode of the station's socket: %w", os.NewSyscallError("fchmod", err))
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, fmt.Errorf("binding the station's socket %s: %w", path, os.NewSyscallError("bind", err))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return nil, fmt.Errorf("inspecting the station's socket %s: %w", path, os.NewSyscallError("lstat", err))
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return nil, fmt.Errorf("listening on the station's socket %s: %w", path, os.NewSyscallError("listen", err))
	}
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("listening on the station's socket %s: %w", path, err)
	}
	unixListener, ok := listener.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s is not a Unix socket: %w", path, unix.ENOTSOCK), listener.Close())
	}
	unixListener.SetUnlinkOnClose(false) // Close looks first whose socket it is
	return &socket{UnixListener: unixListener, path: path, device: uint64(stat.Dev), inode: stat.Ino}, nil
}

// refusalLimit bounds the time in which a client that is refused sends its request and reads the answer. Meanwhile no
// other is accepted.
const refusalLimit = time.Second

// Accept accepts a connection. If this process has no descriptor left, it answers a client that waits with that, and goes
// on. Without such a client it returns the error: its caller tries again.
func (s *socket) Accept() (net.Conn, error) {
	for {
		s.keepSpare()
		connection, err := s.AcceptUnix()
		if err == nil {
			return connection, nil
		}
		if !errors.Is(err, unix.EMFILE) && !errors.Is(err, unix.ENFILE) || s.spare == nil || !s.isAwaited() {
			return nil, err
		}
		_ = s.spare.Close() // opened for reading
		s.spare = nil
		s.refuseNext(err)
	}
}

// isAwaited reports whether a connection waits to be accepted. Without a descriptor, accept(2) fails although none does.
func (s *socket) isAwaited() bool {
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	awaited := false
	err = pollable.Control(raw, func(fd int) error {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		count, err := unix.Poll(poll, 0)
		awaited = count > 0
		return err
	})
	return err == nil && awaited
}

// keepSpare opens the spare descriptor, if it is not open and there is one.
func (s *socket) keepSpare() {
	if s.spare == nil {
		s.spare, _ = os.Open(os.DevNull) // without one, clients wait
	}
}

// closeSpare lets the spare descriptor go, once nothing accepts any more.
func (s *socket) closeSpare() {
	if s.spare != nil {
		_ = s.spare.Close() // opened for reading
	}
}

// refuseNext accepts the connection that waits, answers its request with err, and closes it.
func (s *socket) refuseNext(err error) {
	// The client may have gone, or another thread have taken the descriptor.
	if s.SetDeadline(time.Now().Add(refusalLimit)) != nil {
		return
	}
	connection, acceptErr := s.AcceptUnix()
	_ = s.SetDeadline(time.Time{})
	if acceptErr != nil {
		return
	}
	defer connection.Close()
	if connection.SetDeadline(time.Now().Add(refusalLimit)) != nil {
		return
	}
	if _, readErr := readFrame(connection); readErr == nil { // otherwise its client could not write it, and not read the answer
		shortage := fmt.Errorf("the engine has no file descriptor left: close what is not needed, or raise the limit (ulimit -n): %w", err)
		_ = writeFrame(connection, refuse(0, shortage))
	}
}

// checkDirectory returns an error if anybody but this user could enter a directory.
func checkDirectory(directory string) error {
	var stat unix.Stat_t
	if err := unix.Lstat(directory, &stat); err != nil {
		return fmt.Errorf("inspecting %s: %w", directory, os.NewSyscallError("lstat", err))
	}
	switch {
	case stat.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is not a directory: %w", directory, unix.ENOTDIR)
	case stat.Uid != uint32(os.Geteuid()):
		return fmt.Errorf("%s belongs to user %d: make one of your own, with mode 0700: %w", directory, stat.Uid, ErrUntrusted)
	case stat.Mode&0o077 != 0:
		return fmt.Errorf("others may use %s (mode %#o): make one with mode 0700: %w", directory, stat.Mode&0o7777, ErrUntrusted)
	}
	return nil
}

// Close stops listening and removes the path, unless something else has taken it.
func (s *socket) Close() error {
	var stat unix.Stat_t
	err := unix.Lstat(s.path, &stat)
	switch {
	case errors.Is(err, unix.ENOENT), err == nil && (uint64(stat.Dev) != s.device || stat.Ino != s.inode):
		err = nil
	case err == nil:
		err = os.Remove(s.path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("the station's socket %s is left: %w", s.path, err)
	} else {
		err = nil
	}
	return errors.Join(err, s.UnixListener.Close())
}

// identify returns the process at the other end of a connection, or an error that wraps ErrUntrusted if it may not use
// the station.
func (s *Station) identify(connection *net.UnixConn) (process int, err error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *unix.Ucred
	err = pollable.Control(raw, func(fd int) (err error) {
		peer, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return os.NewSyscallError("getsockopt", err)
	})
	if err != nil {
		return 0, err
	}
	return int(peer.Pid), checkPeer(peer, uint32(os.Geteuid()), s.config.Client, s.config.self)
}

// checkPeer returns an error unless peer is of the user, and is the process client if that is not 0. This process, self,
// passes as well: gVisor says of every peer that it is whoever asks, and leaves the protection to the directory.
func checkPeer(peer *unix.Ucred, user uint32, client, self int) error {
	switch {
	case peer.Uid != user:
		return fmt.Errorf("process %d is of user %d: %w", peer.Pid, peer.Uid, ErrUntrusted)
	case client != 0 && int(peer.Pid) != client && int(peer.Pid) != self:
		return fmt.Errorf("process %d is not the one that opened the tunnel, %d: %w", peer.Pid, client, ErrUntrusted)
	}
	return nil
}
