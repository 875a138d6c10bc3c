package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendMessages calls sendmmsg(2) once, without waiting, and returns how many messages were sent.
//
// The kernel follows the pointers in messages only during the call. Their targets must be on the heap and
// reachable through typed pointers, such as the fields of unix.Msghdr and unix.Iovec: the garbage collector then
// neither frees nor moves them. messages must not be empty.
func sendMessages(fd uintptr, messages []unix.Mmsghdr) (int, error) {
	return exchangeMessages(unix.SYS_SENDMMSG, fd, messages)
}

// receiveMessages calls recvmmsg(2) once, without waiting, and returns how many messages arrived.
// The rules of sendMessages about memory apply.
func receiveMessages(fd uintptr, messages []unix.Mmsghdr) (int, error) {
	return exchangeMessages(unix.SYS_RECVMMSG, fd, messages)
}

// exchangeMessages bypasses Go's scheduler (RawSyscall6): the call never waits, and telling the scheduler costs
// more than sending a small packet.
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

// queryOutstanding stores how many bytes a socket has sent that have not left the host (SIOCOUTQ), or 0 if
// that fails. Like exchangeMessages, it bypasses Go's scheduler.
func queryOutstanding(fd uintptr, bytes *int32) {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(bytes)))
	if errno != 0 {
		*bytes = 0
	}
}
