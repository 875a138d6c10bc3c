// Package descriptors checks that this process can still open file descriptors.
package descriptors

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Require returns an error that wraps EMFILE or ENFILE if this process cannot open count more descriptors. Call it
// before something that cannot be undone, or is only half useful, without them. Other threads may still take them
// before the caller does.
func Require(count int) (err error) {
	opened := make([]int, 0, count)
	defer func() {
		for _, fd := range opened {
			_ = unix.Close(fd) // never used
		}
	}()
	for len(opened) < count {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("%d more file descriptors are needed, and there are %d: %w", count, len(opened), err)
		}
		opened = append(opened, fd)
	}
	return nil
}
