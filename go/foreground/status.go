package foreground

import (
	"fmt"
	"io"
	"strconv"

	"golang.org/x/sys/unix"

	"wg-bridge/go/status"
	"wg-bridge/go/tunnel"
)

// A StatusWriter writes lines of package status to the descriptor that StatusFd names, to whatever reports a failure
// in the end, or nowhere.
type StatusWriter struct{ file io.WriteCloser }

// OpenStatus takes the descriptor that the environment names. Close the result.
func (p Process) OpenStatus() (StatusWriter, error) {
	if p.substitute != nil {
		return StatusWriter{p.substitute}, nil
	}
	file, err := p.file(StatusFd)
	if file == nil {
		return StatusWriter{}, err
	}
	return StatusWriter{file}, err
}

// WriteLine writes one line, without anything that could be a key. It reports whether the process was given a status
// descriptor, even if its reader has gone.
func (s StatusWriter) WriteLine(line string) bool {
	if s.file == nil {
		return false
	}
	_, _ = fmt.Fprintln(s.file, tunnel.Redact(line))
	return true
}

// WriteReady writes that the interface of a name, or the station at a path, answers. It hides nothing: a path may look
// like a key, and whoever reads it needs all of it.
func (s StatusWriter) WriteReady(what string) {
	if s.file != nil {
		_, _ = fmt.Fprintln(s.file, status.Ready(what))
	}
}

// WriteWithoutPoller writes one line to the descriptor that StatusFd names, for a process that is about to end
// because it has too few descriptors for Go's poller. It reports whether it could.
func (p Process) WriteWithoutPoller(line string) bool {
	if p.substitute != nil {
		return StatusWriter{p.substitute}.WriteLine(line)
	}
	fd, err := strconv.ParseUint(p.Getenv(StatusFd), 10, 31)
	if err != nil {
		return false
	}
	_, err = unix.Write(int(fd), []byte(tunnel.Redact(line)+"\n"))
	return err == nil
}

// Close closes the descriptor.
func (s StatusWriter) Close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}
