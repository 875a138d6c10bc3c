package tun

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
)

// onCrippledThread calls do on a thread whose system calls cripple has made fail, and that ends with it.
func onCrippledThread(t *testing.T, cripple, do func() error) {
	t.Helper()
	done := make(chan error, 1)
	go onThreadThatEnds(func() {
		err := cripple()
		if err == nil {
			err = do()
		}
		done <- err
	})
	if err := testbed.Wait(t, done, "the end of the thread"); err != nil {
		t.Fatal(err)
	}
}

// onThreadThatEnds calls do on a thread that ends with the calling goroutine, as the process's first one never does.
func onThreadThatEnds(do func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		do()
		return
	}
	var other sync.WaitGroup
	other.Go(func() { onThreadThatEnds(do) }) // on another thread, as this one is taken
	other.Wait()
	runtime.UnlockOSThread()
}

// newCrippledDevice opens an interface and its device on a crippled thread.
func newCrippledDevice(t *testing.T, name string, cripple func() error) (device *Device) {
	t.Helper()
	onCrippledThread(t, cripple, func() error {
		file, err := Open(name, 1420)
		if err != nil {
			return err
		}
		device, err = New(file, Config{Offloads: AllOffloads, Logf: t.Logf})
		return err
	})
	t.Cleanup(func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	})
	return device
}

func refuseIoctl(request uint32, errno unix.Errno) func() error {
	return func() error {
		return testbed.RefuseOnThread(errno, unix.SYS_IOCTL, testbed.Argument{Index: 1, Value: request})
	}
}

func refuseNetlink(errno unix.Errno) func() error {
	return func() error {
		return testbed.RefuseOnThread(errno, unix.SYS_SOCKET, testbed.Argument{Index: 0, Value: unix.AF_NETLINK})
	}
}

// refuseHeaders makes the kernel make no interface with virtio headers, as gVisor.
func refuseHeaders() error {
	return testbed.RefuseOnThreadIf(func(arguments [6]uint64) unix.Errno {
		var request [unix.IFNAMSIZ + 2]byte // struct ifreq begins with the name and the flags
		if err := readOwnMemory(uintptr(arguments[2]), request[:]); err != nil {
			return unix.EFAULT
		}
		if flags := uint16(request[unix.IFNAMSIZ]) | uint16(request[unix.IFNAMSIZ+1])<<8; flags&unix.IFF_VNET_HDR != 0 {
			return unix.EINVAL
		}
		return 0
	}, unix.SYS_IOCTL, testbed.Argument{Index: 1, Value: unix.TUNSETIFF})
}

func readOwnMemory(at uintptr, to []byte) error {
	local := []unix.Iovec{{Base: unsafe.SliceData(to), Len: uint64(len(to))}}
	n, err := unix.ProcessVMReadv(unix.Getpid(), local, []unix.RemoteIovec{{Base: at, Len: len(to)}}, 0)
	if err == nil && n != len(to) {
		err = unix.EFAULT
	}
	return err
}

func TestPacketsCrossIfTheKernelHasNoVirtioHeaders(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgp")
	device := newCrippledDevice(t, "wgp0", refuseHeaders)
	flags, err := interfaceFlags(device.file)
	if err != nil || flags&unix.IFF_VNET_HDR != 0 {
		t.Fatalf("the interface has the flags %#x, %v", flags, err)
	}
	exchangeBy(t, device, "wgp0")
}

func TestAnInterfaceThatExistsIsBusyThoughTheKernelHasNeitherHeadersNorNetlink(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgp")
	cripple := func() error { return errors.Join(refuseHeaders(), refuseNetlink(unix.EACCES)()) }
	onCrippledThread(t, cripple, func() error {
		if _, err := Open("lo", 1420); !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("Open = %w, want EBUSY", err)
		}
		return nil
	})
}

func TestAnInterfaceKeepsItsMTUIfThatCannotBeSet(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgp")
	device := newCrippledDevice(t, "wgp1", refuseIoctl(unix.SIOCSIFMTU, unix.ENOTTY))
	found, err := net.InterfaceByName("wgp1")
	if err != nil {
		t.Fatal(err)
	}
	if mtu, err := device.MTU(); err != nil || mtu != found.MTU {
		t.Errorf("MTU %d, %v; the interface has %d", mtu, err, found.MTU)
	}
	exchangeBy(t, device, "wgp1")
}

func TestAnMTUThatMayNotBeSetIsAnError(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgp")
	onCrippledThread(t, refuseIoctl(unix.SIOCSIFMTU, unix.EPERM), func() error {
		if _, err := Open("wgp2", 1420); !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("Open = %w, want EPERM", err)
		}
		return nil
	})
}

func TestLinkAndMTUChangesAreReportedWithoutNetlink(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgp")
	device := newCrippledDevice(t, "wgp3", refuseNetlink(unix.EAFNOSUPPORT))
	changes(t, device, 1322, "link", "set", "wgp3")
}

func TestLinkAndMTUChangesAreReportedIfOnlyGroupsAreDenied(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgp")
	device := newCrippledDevice(t, "wgp4", func() error {
		return testbed.RefuseOnThread(unix.EACCES, unix.SYS_BIND, testbed.Argument{Index: 2, Value: unix.SizeofSockaddrNetlink})
	})
	changes(t, device, 1323, "link", "set", "wgp4")
}

func TestALinkIsFoundByWhateverTheKernelHas(t *testing.T) {
	testbed.RequireSandbox(t)
	for title, test := range map[string]struct {
		missing []uint32
		mute    bool
	}{
		"no ioctl for the MTU":   {[]uint32{unix.SIOCGIFMTU}, false},
		"no ioctl for the index": {[]uint32{unix.SIOCGIFINDEX}, false},
		"no ioctl, no netlink":   {[]uint32{unix.SIOCGIFINDEX}, true},
		"no offload to look at":  {[]uint32{unix.SIOCETHTOOL, unix.TUNGETDEVNETNS}, false},
	} {
		t.Run(title, func(t *testing.T) {
			testbed.CheckLeaks(t, "wgp")
			file := open(t, "wgp5")
			defer file.Close()
			testbed.Run(t, "ip", "link", "set", "wgp5", "mtu", "1324")
			wanted, err := net.InterfaceByName("wgp5")
			if err != nil {
				t.Fatal(err)
			}
			onCrippledThread(t, func() (err error) {
				for _, request := range test.missing {
					err = errors.Join(err, refuseIoctl(request, unix.ENOTTY)())
				}
				if test.mute {
					err = errors.Join(err, refuseNetlink(unix.EPERM)())
				}
				return err
			}, func() error {
				return control(file, func(fd int) error {
					_, flags, err := enableOffloads(fd, AllOffloads)
					if err != nil {
						return err
					}
					f, err := newFinder(fd, flags)
					if err != nil {
						return err
					}
					defer f.close()
					at, found := f.find(nil)
					if !found || at.mtu != 1324 || at.at != (place{ownNamespace, int32(wanted.Index)}) {
						return fmt.Errorf("found %v, at %+v; it is %+v", found, at, wanted)
					}
					if _, found := f.findHere("wgp6"); found {
						return errors.New("found an interface that does not exist")
					}
					return nil
				})
			})
		})
	}
}
