package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"wg-bridge/go/tunnel"
)

// descriptors are what wgOpen was given, until a tunnel takes them.
type descriptors struct {
	given tunnel.Given
}

// adopt makes files of the descriptors that are not negative. After an error it holds those that are open.
func adopt(tunFd, uapiFd int) (*descriptors, error) {
	held := &descriptors{}
	var errs [2]error
	held.given.TUN, errs[0] = adoptOne(tunFd, "tun")
	if uapiFd == tunFd && tunFd >= 0 {
		errs[1] = fmt.Errorf("descriptor %d is given as TUN and as UAPI socket: %w", tunFd, unix.EINVAL)
	} else {
		held.given.UAPI, errs[1] = adoptOne(uapiFd, "uapi")
	}
	return held, errors.Join(errs[:]...)
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

// take hands the files to a tunnel, which owns them from then on.
func (d *descriptors) take() tunnel.Given {
	given := d.given
	d.given = tunnel.Given{}
	return given
}

func (d *descriptors) close() {
	given := d.take()
	_ = tunnel.Files{TUN: given.TUN, UAPI: given.UAPI}.Release() // the caller gets the error that came before
}
