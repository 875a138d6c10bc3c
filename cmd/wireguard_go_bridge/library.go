package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"wg-bridge/go/foreground"
	"wg-bridge/go/status"
	"wg-bridge/go/tunnel"
	"wg-bridge/go/userspace"
)

// A library is what one loaded wireguard_go_bridge.so holds: tunnels by handle.
type library struct {
	mu      sync.Mutex
	handles map[int]*handle
	last    int // handles are never used again

	running    atomic.Bool // Run is running: the process has one set of signal handlers
	lastFailed lastFailure // of Run and newHandle
}

// A handle is one tunnel, from before it opens until it is closed.
type handle struct {
	mu         sync.Mutex // held while the tunnel opens and closes
	closed     bool       // whoever found the handle before it was closed comes too late
	tunnel     *tunnel.Tunnel
	features   tunnel.Features
	log        *lineWriter // nil if nobody reads the log
	endTaken   bool
	lastFailed lastFailure
}

// A lastFailure keeps what callers can ask about the last error. The zero value is that of no error.
type lastFailure struct {
	stored atomic.Value // failure
}

type failure struct {
	code  status.Code
	errno unix.Errno
	fact  string
}

// set keeps the fact without anything that could be a key: callers may give one where a name belongs.
func (l *lastFailure) set(err error) {
	l.stored.Store(failure{status.CodeOf(err), status.ErrnoOf(err), tunnel.Redact(status.FactOf(err))})
}

func (l *lastFailure) get() failure {
	last, _ := l.stored.Load().(failure)
	return last
}

func newLibrary() *library { return &library{handles: make(map[int]*handle)} }

func (l *library) newHandle() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	l.handles[l.last] = &handle{features: tunnel.AllFeatures}
	return l.last
}

func (l *library) find(id int) (*handle, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.handles[id]
	if !ok {
		return nil, fmt.Errorf("handle %d is not open: %w", id, unix.EBADF)
	}
	return h, nil
}

// lock locks the handle, unless it has been closed meanwhile.
func (h *handle) lock() error {
	h.mu.Lock()
	if !h.closed {
		return nil
	}
	h.mu.Unlock()
	return fmt.Errorf("this handle was closed meanwhile: %w", unix.EBADF)
}

// call runs do on the handle and turns its error, or a panic, into a negative errno.
func (l *library) call(id int, do func(*handle) (int, error)) int {
	h, err := l.find(id)
	if err != nil {
		return code(err)
	}
	return guard(&h.lastFailed, func() (int, error) { return do(h) })
}

// guard runs do and turns its error, or a panic, into a negative errno and a text in last.
func guard(last *lastFailure, do func() (int, error)) (result int) {
	defer func() {
		if reason := recover(); reason != nil {
			err := fmt.Errorf("panic in the library, this is a bug: %v: %w", reason, unix.ENOTRECOVERABLE)
			last.set(err)
			result = code(err)
		}
	}()
	result, err := do()
	if err != nil {
		last.set(err)
		return code(err)
	}
	return result
}

// code returns the negative errno that err wraps, or -EIO if it wraps none.
func code(err error) int { return -int(status.ErrnoOf(err)) }

// run is foreground mode. It returns the exit code of a process that had done the same.
func (l *library) run(name string, level tunnel.Level) int {
	result := make(chan int)
	// A goroutine of its own never runs on the caller's thread. There the SIGPIPE of a log without a reader
	// would wait for the call to return, and then end the caller.
	go func() {
		result <- guard(&l.lastFailed, func() (int, error) {
			if !l.running.CompareAndSwap(false, true) {
				return 0, fmt.Errorf("there is a Run in this process already, and signals can end only one: open further tunnels by handle: %w", unix.EBUSY)
			}
			defer l.running.Store(false)
			output, err := foreground.OpenOutput()
			if err != nil {
				return 0, err
			}
			defer output.Close()
			process := foreground.Process{
				Getenv:        os.Getenv,
				Output:        foreground.NewPatientWriter(output),
				ReportsErrors: true, // by wgLastError
			}
			return 0, process.Run(name, level)
		})
	}()
	if <-result < 0 {
		return 1
	}
	return 0
}

// disable makes the tunnel that is to be opened do without the named features.
func (h *handle) disable(names string) error {
	if err := h.lock(); err != nil {
		return err
	}
	defer h.mu.Unlock()
	if h.tunnel != nil {
		return fmt.Errorf("the features of tunnel %s were chosen when it was opened: %w", h.tunnel.Name(), unix.EBUSY)
	}
	features, err := tunnel.ParseDisabled(names)
	if err != nil {
		return err
	}
	h.features = features
	return nil
}

// open opens the handle's tunnel. Descriptors that are not negative are the library's from here on: on
// every path they are closed at once, since a file that is only forgotten stays open until the garbage
// collector comes.
func (l *library) open(id int, name string, mtu int, level tunnel.Level, tunFd, uapiFd int) int {
	given, err := adopt(tunFd, uapiFd)
	// What no tunnel has taken. The caller gets the error that came before.
	defer func() { _ = given.Release() }()
	return l.call(id, func(h *handle) (int, error) {
		if err != nil {
			return 0, err
		}
		return 0, h.open(name, mtu, level, &given)
	})
}

func (h *handle) open(name string, mtu int, level tunnel.Level, given *tunnel.Given) error {
	if err := h.lock(); err != nil {
		return err
	}
	defer h.mu.Unlock()
	if err := h.unopened(); err != nil {
		return err
	}
	if mtu < 0 || mtu > maxMTU {
		return fmt.Errorf("an MTU of %d bytes is out of range: give 0 for %d, or up to %d: %w", mtu, tunnel.DefaultMTU, maxMTU, unix.EINVAL)
	}
	taken := *given
	*given = tunnel.Given{} // the tunnel owns them from here on
	files, err := tunnel.Open(name, mtu, taken)
	if err != nil {
		return err
	}
	h.tunnel, err = tunnel.Start(files, h.features, h.newLog(level, files.Name))
	return err
}

// openUserspace opens a tunnel without an interface. Only this process may use its station.
func (h *handle) openUserspace(path string, mtu int, level tunnel.Level) error {
	if err := h.lock(); err != nil {
		return err
	}
	defer h.mu.Unlock()
	if err := h.unopened(); err != nil {
		return err
	}
	config := userspace.Config{Station: path, Client: os.Getpid(), MTU: mtu}
	var err error
	h.tunnel, err = userspace.Start(config, h.features, h.newLog(level, userspace.Name))
	return err
}

// unopened returns an error if the handle has opened a tunnel.
func (h *handle) unopened() error {
	if h.tunnel != nil {
		return fmt.Errorf("this handle has opened tunnel %s already: %w", h.tunnel.Name(), unix.EBUSY)
	}
	return nil
}

// newLog returns the log of the tunnel that is to be opened: that of logFd, if it was called.
func (h *handle) newLog(level tunnel.Level, name string) tunnel.Log {
	if h.log == nil {
		return tunnel.NewLog(io.Discard, tunnel.Silent, name)
	}
	return tunnel.NewLog(h.log, level, name)
}

// maxMTU is the kernel's limit for a TUN interface in bytes.
const maxMTU = 65535

// opened returns the tunnel, which may have ended by itself.
func (h *handle) opened() (*tunnel.Tunnel, error) {
	if err := h.lock(); err != nil {
		return nil, err
	}
	defer h.mu.Unlock()
	if h.tunnel == nil {
		return nil, fmt.Errorf("this handle has no tunnel yet: call wgOpen first: %w", unix.ENOTCONN)
	}
	return h.tunnel, nil
}

// exchange puts the whole answer to a UAPI request into buffer. If that does not fit, nothing has been
// changed.
func (h *handle) exchange(request, buffer []byte) (int, error) {
	t, err := h.opened()
	if err != nil {
		return 0, err
	}
	// A copy, for a caller that gives up waiting may overwrite its own: half a request must not be done.
	own := bytes.Clone(request)
	defer clear(own) // it may hold private keys
	return t.Exchange(own, buffer)
}

// logFd returns the reading end of a new stream of log lines. The caller owns it.
func (h *handle) logFd() (int, error) {
	if err := h.lock(); err != nil {
		return 0, err
	}
	defer h.mu.Unlock()
	if h.log != nil || h.tunnel != nil {
		return 0, fmt.Errorf("the log's descriptor can be taken once, before wgOpen: %w", unix.EBUSY)
	}
	readEnd, writer, err := newLineStream()
	if err != nil {
		return 0, err
	}
	h.log = writer
	return readEnd, nil
}

// endFd returns the reading end of a stream that gets one line when the tunnel has ended. The caller
// owns it.
func (h *handle) endFd() (int, error) {
	t, err := h.opened()
	if err != nil {
		return 0, err
	}
	if err := h.lock(); err != nil {
		return 0, err
	}
	defer h.mu.Unlock()
	if h.endTaken {
		return 0, fmt.Errorf("the end's descriptor can be taken once: %w", unix.EBUSY)
	}
	readEnd, writer, err := newLineStream()
	if err != nil {
		return 0, err
	}
	h.endTaken = true
	go func() {
		<-t.Done()
		writer.writeLine(t.EndLine())
		writer.close()
	}()
	return readEnd, nil
}

// closeHandle ends the tunnel, if there is one, and frees the handle.
func (l *library) closeHandle(id int) int {
	return l.call(id, func(h *handle) (int, error) {
		l.mu.Lock()
		delete(l.handles, id)
		l.mu.Unlock()

		if err := h.lock(); err != nil {
			return 0, err // closed by another thread at the same time
		}
		defer h.mu.Unlock()
		h.closed = true
		var err error
		if h.tunnel != nil {
			err = h.tunnel.Close()
		}
		if h.log != nil {
			h.log.close()
		}
		return 0, err
	})
}
