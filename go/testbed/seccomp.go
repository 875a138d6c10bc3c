package testbed

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Argument is a condition on the argument with this index, from 0, of a system call: it must equal Value, or exceed
// it if Above is set. Only the low 32 bits are compared.
type Argument struct {
	Index int
	Value uint32
	Above bool
}

// Refuse makes a system call fail with errno if its arguments meet all conditions, by a seccomp(2) filter. The filter
// applies to every thread until the process ends. One condition should therefore be a file descriptor that nothing else
// will ever have: see Descriptor.
func Refuse(t testing.TB, errno unix.Errno, call uint32, arguments ...Argument) {
	t.Helper()
	if err := refuse(unix.SECCOMP_FILTER_FLAG_TSYNC, errno, call, arguments); err != nil {
		t.Fatal(err)
	}
}

// RefuseOnThread is Refuse for the calling thread, which must be locked and not run other tests.
func RefuseOnThread(errno unix.Errno, call uint32, arguments ...Argument) error {
	return refuse(0, errno, call, arguments)
}

func refuse(flags uintptr, errno unix.Errno, call uint32, arguments []Argument) error {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		above = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
	)
	// toAllow returns how many instructions to skip, to the one that allows the call, with that many conditions left.
	toAllow := func(left int) uint8 { return uint8(2*left + 1) }
	filter := []unix.SockFilter{{Code: load, K: 0}, {Code: equal, K: call, Jf: toAllow(len(arguments))}}
	for i, argument := range arguments {
		code := uint16(equal)
		if argument.Above {
			code = above
		}
		filter = append(filter,
			unix.SockFilter{Code: load, K: uint32(16 + 8*argument.Index)}, // args in struct seccomp_data, on little-endian machines
			unix.SockFilter{Code: code, K: argument.Value, Jf: toAllow(len(arguments) - i - 1)})
	}
	filter = append(filter,
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags,
		uintptr(unsafe.Pointer(program))); errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

// Descriptor moves the open file fd to number, which no other file of this process may ever use.
func Descriptor(t testing.TB, fd, number int) {
	t.Helper()
	if _, err := unix.FcntlInt(uintptr(number), unix.F_GETFD, 0); err == nil {
		t.Fatalf("file descriptor %d is in use", number)
	}
	if err := unix.Dup3(fd, number, unix.O_CLOEXEC); err != nil {
		t.Fatalf("dup3: %v", err)
	}
	if err := unix.Close(fd); err != nil {
		t.Fatalf("close: %v", err)
	}
}
