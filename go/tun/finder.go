package tun

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"wg-bridge/go/rtnetlink"
)

// A finder finds the namespace and index of the interface behind a TUN descriptor, and its MTU. One goroutine may
// use it.
type finder struct {
	fd       int // the TUN's, borrowed; findHere does not use it
	offloads int // the TUN_F_ flags that are set on it
	socket   int // in the namespace in which the finder was made
	query    *linkQuery
}

func newFinder(fd, offloads int) (*finder, error) {
	socket, err := interfaceSocket()
	if err != nil {
		return nil, err
	}
	return &finder{fd: fd, offloads: offloads, socket: socket, query: newLinkQuery()}, nil
}

func (f *finder) close() error { return errors.Join(unix.Close(f.socket), f.query.close()) }

// A location is where an interface was found, and its MTU in bytes.
type location struct {
	at  place
	mtu int
}

// maxMoves bounds how often find searches a namespace that the interface has just left.
const maxMoves = 3

// find finds the interface in whatever namespace it is. last is its last known place, if any.
func (f *finder) find(last *place) (s location, found bool) {
	name, known := f.name()
	if !known {
		return location{}, false
	}
	for range maxMoves {
		namespace, err := unix.IoctlRetInt(f.fd, unix.TUNGETDEVNETNS)
		if err != nil {
			break // Linux before 5.0, or no CAP_NET_ADMIN where the interface is.
		}
		s, found = f.findIn(namespace, name)
		if err := unix.Close(namespace); found && err == nil {
			return s, true
		}
	}
	if last != nil {
		if s, found = f.findAt(*last); found {
			return s, true
		}
	}
	s, found = f.findHere(name)
	return s, found && f.isOurs(name)
}

// findAt finds the interface at its last known place.
func (f *finder) findAt(at place) (s location, found bool) {
	if at.namespace != ownNamespace {
		link, err := f.query.byPlace(at)
		return location{link.at, link.mtu}, err == nil
	}
	if name, known := f.name(); known {
		s, found = f.findHere(name)
	}
	return s, found && s.at == at
}

// name returns the interface's current name.
func (f *finder) name() (name string, known bool) {
	request, err := unix.NewIfreq("")
	if err != nil || unix.IoctlIfreq(f.fd, unix.TUNGETIFF, request) != nil {
		return "", false
	}
	return request.Name(), true
}

func (f *finder) findIn(namespace int, name string) (location, bool) {
	var its, own unix.Stat_t
	err := errors.Join(unix.Fstat(namespace, &its), unix.Stat("/proc/thread-self/ns/net", &own))
	if err == nil && its.Dev == own.Dev && its.Ino == own.Ino {
		return f.findHere(name)
	}
	link, err := f.query.byName(name, namespace)
	return location{link.at, link.mtu}, err == nil
}

// findHere finds an interface of that name in this process's namespace. A sandbox may have any of the three ways.
func (f *finder) findHere(name string) (location, bool) {
	found, err := f.findByIoctl(name)
	if isMissing(err) {
		var link linkMessage
		link, err = f.query.byNameHere(name)
		found = location{link.at, link.mtu}
		if errors.Is(err, os.ErrClosed) || rtnetlink.IsUnavailable(err) {
			found, err = findInSysfs(name)
		}
	}
	return found, err == nil
}

func (f *finder) findByIoctl(name string) (location, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return location{}, err
	}
	if err := unix.IoctlIfreq(f.socket, unix.SIOCGIFINDEX, request); err != nil {
		return location{}, err
	}
	index := int32(request.Uint32())
	if err := unix.IoctlIfreq(f.socket, unix.SIOCGIFMTU, request); err != nil {
		return location{}, err
	}
	return location{place{ownNamespace, index}, int(request.Uint32())}, nil
}

// findInSysfs finds an interface in the /sys of this process, which shows the namespace of whoever mounted it.
func findInSysfs(name string) (location, error) {
	index, err := readSysfs(name, "ifindex")
	if err != nil {
		return location{}, err
	}
	mtu, err := readSysfs(name, "mtu")
	return location{place{ownNamespace, int32(index)}, mtu}, err
}

func readSysfs(name, attribute string) (int, error) {
	text, err := os.ReadFile(filepath.Join("/sys/class/net", name, attribute))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// interfaceSocket opens a socket for ioctls about interfaces, for which any family will do.
func interfaceSocket() (fd int, err error) {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6, unix.AF_UNIX} {
		if fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
			return fd, nil
		}
	}
	return -1, os.NewSyscallError("socket", err)
}

// isMissing reports whether an ioctl(2) that needs no permission failed because the system does not have it, or a
// sandbox denies it.
func isMissing(err error) bool {
	return errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) ||
		errors.Is(err, os.ErrPermission)
}

// isOurs reports whether the interface of that name in this process's namespace is the one behind the TUN
// descriptor. It turns an offload of the descriptor off and on again, and looks whether the interface's follows.
// Meanwhile the kernel computes the checksums itself. Without virtio headers there is no such offload, nor does every
// sandbox show it: then the name must suffice.
func (f *finder) isOurs(name string) bool {
	if f.offloads&unix.TUN_F_CSUM == 0 {
		return true
	}
	err := unix.IoctlSetInt(f.fd, unix.TUNSETOFFLOAD, 0)
	off, offErr := f.leavesChecksums(name)
	err = errors.Join(err, unix.IoctlSetInt(f.fd, unix.TUNSETOFFLOAD, f.offloads))
	if isMissing(offErr) {
		return err == nil
	}
	on, onErr := f.leavesChecksums(name)
	return errors.Join(err, offErr, onErr) == nil && !off && on
}

// leavesChecksums reports whether an interface in this process's namespace accepts packets with incomplete
// checksums; ethtool(8), "tx-checksumming".
func (f *finder) leavesChecksums(name string) (bool, error) {
	value := struct{ command, data uint32 }{command: unix.ETHTOOL_GTXCSUM} // struct ethtool_value
	request := struct {                                                    // struct ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [24 - unsafe.Sizeof(uintptr(0))]byte
	}{data: unsafe.Pointer(&value)}
	copy(request.name[:], name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(f.socket), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return false, errno
	}
	return value.data != 0, nil
}
