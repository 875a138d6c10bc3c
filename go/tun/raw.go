package tun

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The two calls that carry every packet do not tell Go's scheduler that they are made: on a
// descriptor that never waits it has nothing to do, and what it does costs more than a small packet.

// readRaw is read(2). fd must be non-blocking, and to not empty.
func readRaw(fd int, to []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&to[0])), uintptr(len(to)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// writeRaw is writev(2). fd must be non-blocking, and pieces not empty. What pieces point at is on the
// heap and reachable through their typed pointers, so that it stays where it is.
func writeRaw(fd int, pieces []unix.Iovec) error {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&pieces[0])), uintptr(len(pieces)))
	if errno != 0 {
		return errno
	}
	return nil
}
