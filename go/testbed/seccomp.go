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
	if _, err := filter(unix.SECCOMP_FILTER_FLAG_TSYNC, unix.SECCOMP_RET_ERRNO|uint32(errno), call, arguments); err != nil {
		t.Fatal(err)
	}
}

// RefuseOnThread is Refuse for the calling thread, which must be locked and not run other tests.
func RefuseOnThread(errno unix.Errno, call uint32, arguments ...Argument) error {
	_, err := filter(0, unix.SECCOMP_RET_ERRNO|uint32(errno), call, arguments)
	return err
}

// RefuseOnThreadIf is RefuseOnThread for what only the memory behind an argument shows: judge gets the arguments of each
// call that meets all conditions, and returns its errno, or 0 to let the kernel run it. It needs Linux 5.5.
func RefuseOnThreadIf(judge func(arguments [6]uint64) unix.Errno, call uint32, arguments ...Argument) error {
	listener, err := filter(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, unix.SECCOMP_RET_USER_NOTIF, call, arguments)
	if err != nil {
		return err
	}
	go supervise(listener, judge)
	return nil
}

// supervise answers the calls of a filtered thread until that ends, which a process's first one does not in Go.
func supervise(listener int, judge func(arguments [6]uint64) unix.Errno) {
	defer unix.Close(listener)
	events := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(events, -1); err == unix.EINTR {
			continue
		} else if err != nil || events[0].Revents&unix.POLLIN == 0 {
			return
		}
		var asked struct { // struct seccomp_notif
			id                 uint64
			pid, flags         uint32
			number, arch       uint32
			instructionPointer uint64
			arguments          [6]uint64
		}
		if control(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&asked)) != 0 {
			continue
		}
		answer := struct { // struct seccomp_notif_resp
			id    uint64
			value int64
			error int32
			flags uint32
		}{id: asked.id}
		if errno := judge(asked.arguments); errno != 0 {
			answer.error = -int32(errno)
		} else {
			const goOn = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
			answer.flags = goOn
		}
		_ = control(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer)) // The thread may have been interrupted.
	}
}

func control(fd int, request uintptr, argument unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
	return errno
}

// filter installs a filter with which a system call takes an action of seccomp(2) if its arguments meet all conditions.
// It returns the listener that the flags may ask for.
func filter(flags uintptr, action, call uint32, arguments []Argument) (listener int, err error) {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		above = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
	)
	// toAllow returns how many instructions to skip, to the one that allows the call, with that many conditions left.
	toAllow := func(left int) uint8 { return uint8(2*left + 1) }
	instructions := []unix.SockFilter{{Code: load, K: 0}, {Code: equal, K: call, Jf: toAllow(len(arguments))}}
	for i, argument := range arguments {
		code := uint16(equal)
		if argument.Above {
			code = above
		}
		instructions = append(instructions,
			unix.SockFilter{Code: load, K: uint32(16 + 8*argument.Index)}, // args in struct seccomp_data, on little-endian machines
			unix.SockFilter{Code: code, K: argument.Value, Jf: toAllow(len(arguments) - i - 1)})
	}
	instructions = append(instructions,
		unix.SockFilter{Code: ret, K: action},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, os.NewSyscallError("prctl", err)
	}
	program := &unix.SockFprog{Len: uint16(len(instructions)), Filter: &instructions[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(program)))
	if errno != 0 {
		return -1, os.NewSyscallError("seccomp", errno)
	}
	return int(fd), nil
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
