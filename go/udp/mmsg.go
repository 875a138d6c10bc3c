package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendMessages calls sendmmsg(2) once, without waiting, and returns how many messages were sent.
//
// The kernel follows the pointers in messages during the call only. All that they point at must be
// on the heap and reachable through typed pointers, which the fields of unix.Msghdr and unix.Iovec
// are: the garbage collector then neither frees nor moves it. messages must not be empty.
func sendMessages(fd uintptr, messages []unix.Mmsghdr) (int, error) {
	return exchangeMessages(unix.SYS_SENDMMSG, fd, messages)
}

// receiveMessages calls recvmmsg(2) once, without waiting, and returns how many messages arrived.
// What sendMessages says about memory holds here too.
func receiveMessages(fd uintptr, messages []unix.Mmsghdr) (int, error) {
	return exchangeMessages(unix.SYS_RECVMMSG, fd, messages)
}

// exchangeMessages does not tell Go's scheduler of the call, which never waits: what that would do costs
// more than a small packet.
func exchangeMessages(call, fd uintptr, messages []unix.Mmsghdr) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(call, fd, uintptr(unsafe.Pointer(&messages[0])),
			uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		default:
			return 0, errno
		}
	}
}

// queryOutstanding asks for what a socket has sent that has not left the host (SIOCOUTQ). What
// exchangeMessages says about Go's scheduler holds here too.
func queryOutstanding(fd uintptr, bytes *int32) {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(bytes)))
	if errno != 0 {
		*bytes = 0
	}
}
