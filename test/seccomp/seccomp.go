// Package seccomp runs commands for which some system calls fail.
package seccomp

import (
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Condition is on an argument of a system call.
type Condition struct {
	argument    uint32
	value, mask uint32
}

// Equals is met if an argument, the first of which is 0, has this value.
func Equals(argument, value uint32) Condition { return Condition{argument, value, 0} }

// HasAnyOf is met if an argument has one of these bits.
func HasAnyOf(argument, bits uint32) Condition { return Condition{argument, 0, bits} }

// A Denial is a system call that fails if its arguments meet all conditions.
type Denial struct {
	errno      unix.Errno
	call       uint32
	conditions []Condition
}

// Deny makes a system call fail if its arguments meet all conditions.
func Deny(call uint32, errno unix.Errno, conditions ...Condition) Denial {
	return Denial{errno, call, conditions}
}

// Exec becomes a command, with its arguments, for which and for all that it starts a seccomp(2) filter denies calls. It
// returns only if that fails.
func Exec(denials []Denial, command []string) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // The filter applies to this thread, which becomes the command.
	if err := install(compile(denials)); err != nil {
		return err
	}
	return os.NewSyscallError("execve", unix.Exec(path, command, os.Environ()))
}

const (
	load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	bits  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	ret   = unix.BPF_RET | unix.BPF_K
)

// compile returns a filter of one block for each denial, which is left at the first condition that is not met.
func compile(denials []Denial) (filter []unix.SockFilter) {
	for _, d := range denials {
		toNext := func(left int) uint8 { return uint8(2*left + 1) } // instructions to skip, with that many conditions left
		filter = append(filter,
			unix.SockFilter{Code: load, K: 0}, // struct seccomp_data begins with the number
			unix.SockFilter{Code: equal, K: d.call, Jf: toNext(len(d.conditions))})
		for i, c := range d.conditions {
			test := unix.SockFilter{Code: equal, K: c.value, Jf: toNext(len(d.conditions) - i - 1)}
			if c.mask != 0 {
				test.Code, test.K = bits, c.mask
			}
			// The arguments have 64 bits. These are the low 32, on little-endian machines.
			filter = append(filter, unix.SockFilter{Code: load, K: 16 + 8*c.argument}, test)
		}
		filter = append(filter, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(d.errno)})
	}
	return append(filter, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
}

func install(filter []unix.SockFilter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(program))); errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}
