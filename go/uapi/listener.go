package uapi

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A Listener accepts wg(8)'s connections on the UAPI socket of one interface, and notices when the
// socket is removed, which is how a user asks a userspace WireGuard to end.
type Listener struct {
	listener  net.Listener
	path      string
	identity  identity
	watch     *os.File      // inotify on path
	removed   chan struct{} // closed when the path is gone or another's
	watching  sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// Listen accepts on file, the listening socket of the interface called name, from Open or from
// another process. It owns file from here on, also when it fails.
func Listen(name string, file *os.File) (*Listener, error) {
	listener, err := net.FileListener(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("listening on the file given as UAPI socket: %w", err)
	}
	if unixListener, ok := listener.(*net.UnixListener); ok {
		unixListener.SetUnlinkOnClose(false) // it would remove a successor's socket
	}
	path := Path(name)
	l := &Listener{listener: listener, path: path, removed: make(chan struct{})}
	if l.identity, err = identify(path); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if l.watch, err = watchPath(path); err != nil {
		return nil, errors.Join(err, remove(path, l.identity), listener.Close())
	}
	l.watching.Go(l.waitForRemoval)
	return l, nil
}

func watchPath(path string) (*os.File, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching UAPI socket %s: %w", path, err)
	}
	file := os.NewFile(uintptr(fd), "inotify")
	// Removal shows as a change of the link count for as long as the socket itself is open.
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_ATTRIB|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF); err != nil {
		return nil, errors.Join(fmt.Errorf("watching UAPI socket %s: %w", path, err), file.Close())
	}
	return file, nil
}

func (l *Listener) waitForRemoval() {
	events := make([]byte, 4096)
	for {
		// A look first: the path may have gone before the watch began.
		if found, err := identify(l.path); errors.Is(err, unix.ENOENT) || err == nil && found != l.identity {
			close(l.removed)
			return
		}
		if _, err := l.watch.Read(events); err != nil {
			return
		}
	}
}

// Removed is closed when somebody has removed the socket's path, or put another in its place.
func (l *Listener) Removed() <-chan struct{} { return l.removed }

// Accept waits for a connection. After Close it fails with net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) { return l.listener.Accept() }

// Close stops listening and removes the socket's path, unless it is another's by now.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() {
		l.closeErr = errors.Join(remove(l.path, l.identity), l.listener.Close(), l.watch.Close())
		l.watching.Wait()
	})
	return l.closeErr
}

// Discard closes file, the listening socket of the interface called name, before anybody listened
// on it, and removes its path.
func Discard(name string, file *os.File) error {
	path := Path(name)
	meant, err := identify(path)
	if errors.Is(err, unix.ENOENT) {
		return file.Close()
	}
	return errors.Join(err, remove(path, meant), file.Close())
}
