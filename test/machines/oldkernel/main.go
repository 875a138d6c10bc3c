// Command oldkernel runs a command as if on an older kernel, or in a sandbox:
//
//	oldkernel VERSION COMMAND [ARGUMENT...]
//
// VERSION is that of a kernel, such as 4.4, or "sandbox" for this one without netlink. A seccomp(2) filter answers the
// system calls, options and ioctls that are newer as that kernel would. The filter applies to all that the command starts.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oldkernel:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("usage: oldkernel VERSION COMMAND [ARGUMENT...]")
	}
	denials, err := denialsOf(arguments[0])
	if err != nil {
		return err
	}
	path, err := exec.LookPath(arguments[1])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // The filter applies to this thread, which becomes the command.
	if err := install(compile(denials)); err != nil {
		return err
	}
	return os.NewSyscallError("execve", unix.Exec(path, arguments[1:], os.Environ()))
}

// A condition is on an argument of a system call, from 0: it equals value, or has one of the bits of mask.
type condition struct {
	argument    uint32
	value, mask uint32
}

// A denial is a system call that fails if its arguments meet all conditions.
type denial struct {
	errno      unix.Errno
	call       uint32
	conditions []condition
}

// A release is a kernel's version, and what is new in it.
type release struct {
	major, minor int
	news         []denial
}

// releases lists what the engine, Go's runtime, libc and Node.js use of newer kernels. Sources: the manual pages of the
// calls, socket(7), udp(7), and the kernel's history of linux/if_tun.h.
var releases = []release{
	{3, 15, calls(unix.SYS_RENAMEAT2)},
	{3, 17, calls(unix.SYS_GETRANDOM, unix.SYS_MEMFD_CREATE, unix.SYS_SECCOMP)},
	{3, 19, calls(unix.SYS_EXECVEAT)},
	{4, 2, options(unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID)},
	{4, 3, calls(unix.SYS_MEMBARRIER)},
	{4, 5, append(calls(unix.SYS_COPY_FILE_RANGE), options(unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF)...)},
	{4, 6, calls(unix.SYS_PREADV2, unix.SYS_PWRITEV2)},
	{4, 11, calls(unix.SYS_STATX)},
	{4, 18, append(calls(unix.SYS_RSEQ), options(unix.SOL_UDP, unix.UDP_SEGMENT)...)},
	{5, 0, append(options(unix.SOL_UDP, unix.UDP_GRO), append(options(unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX),
		denial{unix.EINVAL, unix.SYS_IOCTL, []condition{{1, unix.TUNGETDEVNETNS, 0}}})...)},
	{5, 1, calls(unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER)},
	{5, 3, calls(unix.SYS_PIDFD_OPEN, unix.SYS_CLONE3)},
	{5, 6, calls(unix.SYS_OPENAT2, unix.SYS_PIDFD_GETFD)},
	{5, 8, calls(unix.SYS_FACCESSAT2)},
	{5, 9, calls(unix.SYS_CLOSE_RANGE)},
	{5, 11, calls(unix.SYS_EPOLL_PWAIT2)},
	{5, 12, options(unix.SOL_UDP, unix.UDP_GRO)[:1]}, // It could be set before, but not be read.
	{5, 16, calls(unix.SYS_FUTEX_WAITV)},
	{6, 2, []denial{{unix.EINVAL, unix.SYS_IOCTL, []condition{
		{1, unix.TUNSETOFFLOAD, 0}, {2, 0, unix.TUN_F_USO4 | unix.TUN_F_USO6}}}}},
	{6, 6, calls(unix.SYS_FCHMODAT2)},
}

func calls(numbers ...uint32) (denials []denial) {
	for _, number := range numbers {
		denials = append(denials, denial{errno: unix.ENOSYS, call: number})
	}
	return denials
}

// options denies to read and to set an option of sockets.
func options(level, option uint32) []denial {
	conditions := []condition{{1, level, 0}, {2, option, 0}}
	return []denial{{unix.ENOPROTOOPT, unix.SYS_GETSOCKOPT, conditions}, {unix.ENOPROTOOPT, unix.SYS_SETSOCKOPT, conditions}}
}

func denialsOf(version string) (denials []denial, err error) {
	if version == "sandbox" {
		return []denial{{unix.EACCES, unix.SYS_SOCKET, []condition{{0, unix.AF_NETLINK, 0}}}}, nil
	}
	before, after, _ := strings.Cut(version, ".")
	major, err := strconv.Atoi(before)
	if err != nil {
		return nil, err
	}
	minor, err := strconv.Atoi(after)
	if err != nil {
		return nil, err
	}
	for _, r := range releases {
		if r.major > major || r.major == major && r.minor > minor {
			denials = append(denials, r.news...)
		}
	}
	return denials, nil
}

const (
	load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	bits  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	ret   = unix.BPF_RET | unix.BPF_K
)

// compile returns a filter of one block for each denial, which is left at the first condition that is not met.
func compile(denials []denial) (filter []unix.SockFilter) {
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
