package main

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A lineWriter writes whole lines to a stream without ever waiting for its reader: what does not
// fit is dropped, and the number of dropped lines is written once there is room again.
type lineWriter struct {
	mu      sync.Mutex
	fd      int // of a socket; -1 once closed
	dropped int
}

// maxLine is the longest line in bytes, with its newline. The kernel takes that much at once or not
// at all, so that lines are never cut.
const maxLine = 4096

// newLineStream returns a stream's reading end as a bare descriptor, for a caller outside Go to own.
// It is a socket, not a pipe, since a write to a pipe without a reader can end the whole process.
func newLineStream() (readEnd int, _ *lineWriter, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("making a stream of lines: %w", os.NewSyscallError("socketpair", err))
	}
	return ends[0], &lineWriter{fd: ends[1]}, nil
}

// Write takes one log line with its final newline, as package log hands it over. It never fails:
// a log that nobody reads is no reason to stop a tunnel.
func (w *lineWriter) Write(line []byte) (int, error) {
	w.writeLine(strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

func (w *lineWriter) writeLine(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dropped > 0 && w.put(fmt.Sprintf("ERROR: %d log lines dropped: they were not read fast enough", w.dropped)) {
		w.dropped = 0
	}
	if w.dropped > 0 || !w.put(line) {
		w.dropped++
	}
}

func (w *lineWriter) put(line string) bool {
	if w.fd < 0 {
		return false
	}
	bytes := []byte(strings.ReplaceAll(line, "\n", " "))
	if len(bytes) >= maxLine {
		bytes = bytes[:maxLine-1]
	}
	return unix.Send(w.fd, append(bytes, '\n'), unix.MSG_NOSIGNAL) == nil
}

func (w *lineWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd >= 0 {
		_ = unix.Close(w.fd) // what was sent can still be read
		w.fd = -1
	}
}
