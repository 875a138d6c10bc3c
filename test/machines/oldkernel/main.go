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
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"wg-bridge/test/seccomp"
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
	return seccomp.Exec(denials, arguments[1:])
}

// A release is a kernel's version, and what is new in it.
type release struct {
	major, minor int
	news         []seccomp.Denial
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
		seccomp.Deny(unix.SYS_IOCTL, unix.EINVAL, seccomp.Equals(1, unix.TUNGETDEVNETNS)))...)},
	{5, 1, calls(unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER)},
	{5, 3, calls(unix.SYS_PIDFD_OPEN, unix.SYS_CLONE3)},
	{5, 6, calls(unix.SYS_OPENAT2, unix.SYS_PIDFD_GETFD)},
	{5, 8, calls(unix.SYS_FACCESSAT2)},
	{5, 9, calls(unix.SYS_CLOSE_RANGE)},
	{5, 11, calls(unix.SYS_EPOLL_PWAIT2)},
	{5, 12, options(unix.SOL_UDP, unix.UDP_GRO)[:1]}, // It could be set before, but not be read.
	{5, 16, calls(unix.SYS_FUTEX_WAITV)},
	{6, 2, []seccomp.Denial{seccomp.Deny(unix.SYS_IOCTL, unix.EINVAL,
		seccomp.Equals(1, unix.TUNSETOFFLOAD), seccomp.HasAnyOf(2, unix.TUN_F_USO4|unix.TUN_F_USO6))}},
	{6, 6, calls(unix.SYS_FCHMODAT2)},
}

func calls(numbers ...uint32) (denials []seccomp.Denial) {
	for _, number := range numbers {
		denials = append(denials, seccomp.Deny(number, unix.ENOSYS))
	}
	return denials
}

// options denies to read and to set an option of sockets.
func options(level, option uint32) []seccomp.Denial {
	isIt := []seccomp.Condition{seccomp.Equals(1, level), seccomp.Equals(2, option)}
	return []seccomp.Denial{
		seccomp.Deny(unix.SYS_GETSOCKOPT, unix.ENOPROTOOPT, isIt...),
		seccomp.Deny(unix.SYS_SETSOCKOPT, unix.ENOPROTOOPT, isIt...),
	}
}

func denialsOf(version string) (denials []seccomp.Denial, err error) {
	if version == "sandbox" {
		return []seccomp.Denial{seccomp.Deny(unix.SYS_SOCKET, unix.EACCES, seccomp.Equals(0, unix.AF_NETLINK))}, nil
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
