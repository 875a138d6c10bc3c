// Package pollable makes files whose reads wait in the Go runtime's poller, and lends out their descriptors.
package pollable

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// NewFile is os.NewFile for a non-blocking descriptor. It owns the descriptor, even if it fails. The error is
// Check's.
func NewFile(fd int, name string) (*os.File, error) {
	file := os.NewFile(uintptr(fd), name)
	if err := Check(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Check reports why reads of a file do not wait in the runtime's poller, or nil. os.NewFile does not report
// that: the first read that has to wait would fail. The error wraps ENOSPC, the only reason outside this program
// for which epoll_ctl(2) refuses a device, socket or pipe.
func Check(file *os.File) error {
	// Clearing the deadline changes nothing, and fails for exactly those files.
	err := file.SetReadDeadline(time.Time{})
	if errors.Is(err, os.ErrNoDeadline) {
		return fmt.Errorf("epoll(7) refuses to wait for %s: if its user has reached the limit of the sysctl fs.epoll.max_user_watches, raise that: %w",
			file.Name(), unix.ENOSPC)
	}
	return err
}

// Control calls do with the descriptor behind raw, which stays in the poller and cannot be closed meanwhile. The error
// is do's, or that raw is closed.
func Control(raw syscall.RawConn, do func(fd int) error) (err error) {
	closed := raw.Control(func(fd uintptr) { err = do(int(fd)) })
	if closed != nil {
		return closed
	}
	return err
}
