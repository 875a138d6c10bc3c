package uapi

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
	"wg-bridge/go/pollable"
)

// A Listener accepts connections from wg(8) on the UAPI socket of an interface. It notices when the socket is
// removed, which is how a user asks a userspace WireGuard to exit.
type Listener struct {
	listener  net.Listener
	path      string
	identity  identity
	watch     *os.File      // inotify on path; nil without it
	unwatched error         // why watch is nil
	closing   chan struct{} // closed by Close
	removed   chan struct{} // closed when the path is gone or belongs to another socket
	watching  sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// Listen returns a Listener for file, the listening socket of the interface called name, which comes from Open or
// another process. It owns file and the socket's path: if it fails, it closes the one and removes the other.
func Listen(name string, file *os.File) (_ *Listener, err error) {
	path := Path(name)
	l := &Listener{path: path, closing: make(chan struct{}), removed: make(chan struct{})}
	// A file that is not a socket of this path does not own it, and a path that was lost belongs to a successor.
	owned := mayBeAt(file, path)
	defer func() {
		if err == nil {
			return
		}
		if owned { // before file is closed: until then no successor takes the path
			err = errors.Join(err, removeOwn(path))
		}
		if l.listener != nil {
			err = errors.Join(err, l.listener.Close())
		}
		err = errors.Join(err, file.Close())
	}()
	if l.listener, err = net.FileListener(file); err != nil {
		return nil, fmt.Errorf("listening on the file given as UAPI socket: %w", err)
	}
	if unixListener, ok := l.listener.(*net.UnixListener); ok {
		unixListener.SetUnlinkOnClose(false) // Close would remove a successor's socket
	}
	if l.identity, err = identify(path); err != nil {
		return nil, err
	}
	// Sandboxes deny inotify(7), and a user may have too many: fs.inotify.max_user_instances. The path is then polled.
	l.watch, l.unwatched = watchPath(path)
	if err = file.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("closing the file given as UAPI socket: %w", err), l.closeWatch())
	}
	l.watching.Go(l.waitForRemoval)
	return l, nil
}

// mayBeAt reports whether file is, or may be, a socket that is bound to path.
func mayBeAt(file *os.File, path string) (may bool) {
	raw, err := file.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) {
		address, err := unix.Getsockname(int(fd))
		local, isLocal := address.(*unix.SockaddrUnix)
		switch {
		case err != nil:
			may = !errors.Is(err, unix.ENOTSOCK)
		case isLocal:
			may = local.Name == path || isSame(local.Name, path)
		}
	})
	return may && err == nil
}

// isSame reports whether two paths lead to one socket, as /run and /var/run do.
func isSame(one, other string) bool {
	first, err := identify(one)
	if err != nil {
		return false
	}
	second, err := identify(other)
	return err == nil && first == second
}

func watchPath(path string) (*os.File, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching UAPI socket %s: %w", path, err)
	}
	file, err := pollable.NewFile(fd, "changes of "+path)
	if err != nil {
		return nil, fmt.Errorf("watching UAPI socket %s: %w", path, err)
	}
	// While the socket is open, its removal shows only as a change of its link count (IN_ATTRIB).
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_ATTRIB|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF); err != nil {
		return nil, errors.Join(fmt.Errorf("watching UAPI socket %s: %w", path, err), file.Close())
	}
	return file, nil
}

// Unwatched says why the listener polls for the removal of its socket, or is nil if the kernel reports that.
func (l *Listener) Unwatched() error { return l.unwatched }

func (l *Listener) closeWatch() error {
	if l.watch == nil {
		return nil
	}
	return l.watch.Close()
}

func (l *Listener) waitForRemoval() {
	events := make([]byte, 4096)
	for failures := 0; ; {
		// Check first: the path may have been removed before the watch began.
		if found, err := identify(l.path); errors.Is(err, unix.ENOENT) || err == nil && found != l.identity {
			close(l.removed)
			return
		}
		if l.watch != nil {
			if _, err := l.watch.Read(events); err == nil {
				failures = 0
				continue
			}
		}
		// Without inotify, poll.
		failures++
		if !backoff.Wait(failures, l.closing) {
			return
		}
	}
}

// Removed returns a channel that is closed once somebody has removed the socket's path or replaced the socket.
func (l *Listener) Removed() <-chan struct{} { return l.removed }

// Accept waits for a connection. After Close it fails with net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) { return l.listener.Accept() }

// Close stops listening and removes the socket's path, unless another socket has taken it.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() {
		close(l.closing)
		l.closeErr = errors.Join(remove(l.path, l.identity), l.listener.Close(), l.closeWatch())
		l.watching.Wait()
	})
	return l.closeErr
}

// Discard closes file, the listening socket of the interface called name, and removes its path. Call it instead of
// Listen.
func Discard(name string, file *os.File) error {
	path := Path(name)
	if !mayBeAt(file, path) {
		return file.Close()
	}
	return errors.Join(removeOwn(path), file.Close())
}

// removeOwn removes path, where the socket is one that this process holds.
func removeOwn(path string) error {
	own, err := identify(path)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	return remove(path, own)
}
