// Package rtnetlink opens sockets to the kernel's routing subsystem, rtnetlink(7).
package rtnetlink

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Open returns the descriptor of a socket that hears of the given multicast groups (RTMGRP_*, or 0
// for none); kind is added to its type, for example SOCK_NONBLOCK. The caller owns the descriptor. The
// error is the system's.
func Open(kind int, groups uint32) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|kind, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return -1, errors.Join(os.NewSyscallError("bind", err), unix.Close(fd))
	}
	return fd, nil
}
