package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"wg-bridge/go/tunnel"
)

// adopt makes files of the descriptors that are not negative. After an error it returns those that are open.
func adopt(tunFd, uapiFd int) (given tunnel.Given, _ error) {
	var errs [2]error
	given.TUN, errs[0] = adoptOne(tunFd, "tun")
	if uapiFd == tunFd && tunFd >= 0 {
		errs[1] = fmt.Errorf("descriptor %d is given as TUN and as UAPI socket: %w", tunFd, unix.EINVAL)
	} else {
		given.UAPI, errs[1] = adoptOne(uapiFd, "uapi")
	}
	return given, errors.Join(errs[:]...)
}

func adoptOne(fd int, what string) (*os.File, error) {
	if fd < 0 {
		return nil, nil
	}
	// Not EBADF: that is what an unknown handle gives.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
		return nil, fmt.Errorf("the %s descriptor %d is not open: %w", what, fd, unix.EINVAL)
	}
	return os.NewFile(uintptr(fd), what), nil
}
