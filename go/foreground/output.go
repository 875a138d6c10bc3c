package foreground

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// OpenOutput returns standard output for the log of a tunnel that may outlive the log's reader. Close it.
func OpenOutput() (io.WriteCloser, error) {
	file, err := duplicate(unix.Stdout, "standard output")
	if errors.Is(err, unix.EBADF) {
		return discard{io.Discard}, nil
	}
	return file, err
}

// discard is the log of a process without standard output.
type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// duplicate opens one of the standard descriptors a second time. A write to descriptor 1 or 2 that finds no
// reader makes package os end the process by SIGPIPE, unless the program ignores that signal, which a library must
// not do. Through any other descriptor the write just fails.
func duplicate(fd int, name string) (*os.File, error) {
	duplicated, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, unix.Stderr+1)
	if err != nil {
		return nil, fmt.Errorf("duplicating %s: %w", name, os.NewSyscallError("fcntl", err))
	}
	return os.NewFile(uintptr(duplicated), name), nil
}
