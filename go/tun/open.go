// Package tun is the engine's TUN device for Linux. It opens the interface, or takes over one that is already
// open, and reports changes of the link and its MTU at once, even after the interface has been moved to another
// network namespace.
package tun

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"wg-bridge/go/pollable"
)

const clonePath = "/dev/net/tun"

// Open creates the TUN interface called name, sets its MTU in bytes, and returns its file. Closing
// the file deletes the interface. The error wraps the kernel's errno: EINVAL for an invalid name or MTU,
// EBUSY if the interface exists, ENOENT or ENODEV without a TUN driver, EPERM or EACCES without permission.
func Open(name string, mtu int) (*os.File, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	fd, err := unix.Open(clonePath, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, explainOpen(err)
	}
	if err := attach(fd, name); err != nil {
		return nil, errors.Join(err, closeFd(fd))
	}
	file := os.NewFile(uintptr(fd), clonePath)
	realName, err := Name(file)
	if err == nil {
		err = setMTU(realName, mtu)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func explainOpen(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%s does not exist: %w", clonePath, err)
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("%s has no driver: %w", clonePath, unix.ENODEV)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s may not be opened: %w", clonePath, err)
	}
	return fmt.Errorf("opening %s: %w", clonePath, err)
}

func attach(fd int, name string) error {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("interface name %q: %w", name, err)
	}
	// Segmentation offloads need a virtio header before each packet.
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	taken := errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EINVAL) && exists(name)
	if errors.Is(err, unix.EINVAL) && !taken {
		// gVisor has no such headers. Without them packets cross one by one.
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	switch {
	case err == nil:
		return nil
	case taken:
		return fmt.Errorf("interface %s exists already: %w", name, unix.EBUSY)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("making interface %s is not allowed: %w", name, err)
	}
	return fmt.Errorf("making interface %s: %w", name, err)
}

func exists(name string) bool {
	finder, err := newFinder(-1, 0)
	if err != nil {
		return false
	}
	defer finder.close()
	_, found := finder.findHere(name)
	return found
}

// Name returns the current name of the TUN interface behind file. If file is not a TUN device, the error wraps
// EINVAL.
func Name(file *os.File) (string, error) {
	request, err := describe(file)
	if err != nil {
		return "", err
	}
	return request.Name(), nil
}

// interfaceFlags returns the IFF_ flags with which the TUN interface behind file was created.
func interfaceFlags(file *os.File) (uint16, error) {
	request, err := describe(file)
	if err != nil {
		return 0, err
	}
	return request.Uint16(), nil
}

// isAttached reports whether there is still an interface behind file.
func isAttached(file *os.File) bool {
	_, err := describe(file)
	return err == nil
}

func describe(file *os.File) (*unix.Ifreq, error) {
	request, err := unix.NewIfreq("")
	if err != nil {
		return nil, fmt.Errorf("asking for a TUN interface's name: %w", err)
	}
	err = control(file, func(fd int) error { return unix.IoctlIfreq(fd, unix.TUNGETIFF, request) })
	if err != nil {
		return nil, fmt.Errorf("the file given as TUN is not an open TUN interface (%v): %w", err, unix.EINVAL)
	}
	return request, nil
}

// setMTU sets an interface's MTU. If the system has no call for that, as gVisor, the interface keeps the one it has.
func setMTU(name string, mtu int) error {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("interface name %q: %w", name, err)
	}
	fd, err := interfaceSocket()
	if err != nil {
		return fmt.Errorf("opening a socket to set the MTU of %s: %w", name, err)
	}
	request.SetUint32(uint32(mtu))
	if err = unix.IoctlIfreq(fd, unix.SIOCSIFMTU, request); isMissing(err) && !errors.Is(err, os.ErrPermission) {
		err = nil
	} else if err != nil {
		err = fmt.Errorf("setting the MTU of %s to %d: %w", name, mtu, err)
	}
	return errors.Join(err, closeFd(fd))
}

func closeFd(fd int) error {
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("closing file descriptor %d: %w", fd, err)
	}
	return nil
}

// control calls do with file's descriptor, which stays in the runtime's poller.
func control(file *os.File, do func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	return pollable.Control(raw, do)
}
