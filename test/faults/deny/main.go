// Command deny runs a command for which a seccomp(2) filter fails one system call:
//
//	deny NUMBER ERRNO COMMAND [ARGUMENT...]
//
// NUMBER is the kernel's number of the call, ERRNO the error. The filter applies to all that the command starts.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "deny:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 3 {
		return fmt.Errorf("usage: deny NUMBER ERRNO COMMAND [ARGUMENT...]")
	}
	number, err := strconv.ParseUint(arguments[0], 10, 32)
	if err != nil {
		return err
	}
	errno, err := strconv.ParseUint(arguments[1], 10, 12)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(arguments[2])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // The filter applies to this thread, which becomes the command.
	if err := deny(uint32(number), uint32(errno)); err != nil {
		return err
	}
	return os.NewSyscallError("execve", unix.Exec(path, arguments[2:], os.Environ()))
}

func deny(number, errno uint32) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // struct seccomp_data begins with the number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | errno},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(program))); errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}
