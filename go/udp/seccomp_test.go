package udp

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// installFilter puts a seccomp(2) filter on the calling thread.
func installFilter(filter []unix.SockFilter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0,
		uintptr(unsafe.Pointer(program))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}
