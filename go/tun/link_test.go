package tun

import (
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	engine "golang.zx2c4.com/wireguard/tun"

	"wg-bridge/go/backoff"
	"wg-bridge/go/pollable"
	"wg-bridge/go/rtnetlink"
	"wg-bridge/go/testbed"
)

// newOldDevice makes an interface on a kernel that cannot report its namespace, like Linux before 5.0. Each
// descriptor may be used only once.
func newOldDevice(t *testing.T, name string, descriptor int) *Device {
	t.Helper()
	testbed.Refuse(t, unix.EINVAL, unix.SYS_IOCTL, testbed.Argument{Index: 0, Value: uint32(descriptor)},
		testbed.Argument{Index: 1, Value: unix.TUNGETDEVNETNS})
	device := newDeviceAt(t, name, descriptor)
	if _, err := unix.IoctlRetInt(descriptor, unix.TUNGETDEVNETNS); err != unix.EINVAL {
		t.Fatalf("TUNGETDEVNETNS = %v", err)
	}
	return device
}

func TestLinkAndMTUChangesAreReportedAfterASecondMove(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	testbed.Namespace(t, "first")
	testbed.Namespace(t, "second")
	device := newDevice(t, "wgd20")
	testbed.Run(t, "ip", "link", "set", "wgd20", "netns", "first")
	testbed.Run(t, "ip", "-n", "first", "link", "set", "wgd20", "netns", "second", "mtu", "1310")
	expectMTU(t, device, 1310)
	changes(t, device, 1311, "-n", "second", "link", "set", "wgd20")
}

func TestTheMTUOfAnInterfaceThatWasMovedBeforeIsKnown(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	testbed.Namespace(t, "away")
	file := open(t, "wgd21")
	testbed.Run(t, "ip", "link", "set", "wgd21", "netns", "away", "mtu", "1312")
	device := newDeviceOf(t, file)
	if mtu, err := device.MTU(); mtu != 1312 || err != nil {
		t.Errorf("MTU %d, %v", mtu, err)
	}
	changes(t, device, 1313, "-n", "away", "link", "set", "wgd21")
}

func TestLinkAndMTUChangesAreReportedOnAnOldKernel(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	testbed.Namespace(t, "away")
	device := newOldDevice(t, "wgd22", 801)
	if mtu, err := device.MTU(); mtu != 1420 || err != nil {
		t.Errorf("MTU %d, %v", mtu, err)
	}
	changes(t, device, 1314, "link", "set", "wgd22")
	testbed.Run(t, "ip", "link", "set", "wgd22", "netns", "away")
	changes(t, device, 1315, "-n", "away", "link", "set", "wgd22")
	testbed.Run(t, "ip", "-n", "away", "link", "set", "wgd22", "netns", "1", "mtu", "1316")
	expectMTU(t, device, 1316)
	changes(t, device, 1317, "link", "set", "wgd22")
}

func TestAnOldKernelsInterfaceIsNotPaddedWhereItCannotBeFound(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	testbed.Namespace(t, "first")
	testbed.Namespace(t, "second")
	device := newOldDevice(t, "wgd23", 802)
	testbed.Run(t, "ip", "link", "set", "wgd23", "netns", "first")
	testbed.Run(t, "ip", "-n", "first", "link", "set", "wgd23", "netns", "second", "mtu", "1318")
	expectMTU(t, device, UnknownMTU)
	testbed.Run(t, "ip", "-n", "second", "link", "set", "wgd23", "netns", "1")
	expectMTU(t, device, 1318)
	changes(t, device, 1319, "link", "set", "wgd23")
}

func TestOnAnOldKernelAnInterfaceIsNotMistakenForAnotherOfItsName(t *testing.T) {
	testbed.RequireSandbox(t)
	for i, offloads := range []Offloads{AllOffloads, {}} {
		t.Run(fmt.Sprintf("%+v", offloads), func(t *testing.T) {
			testbed.CheckLeaks(t, "wgd")
			testbed.Namespace(t, "away")
			device := newOldDevice(t, "wgd24", 803+i)
			finder, err := newFinder(803+i, offloads.flags())
			if err != nil {
				t.Fatal(err)
			}
			defer finder.close()
			if at, found := finder.find(nil); !found || at.mtu != 1420 {
				t.Errorf("found %v at %+v", found, at)
			}
			testbed.Run(t, "ip", "link", "set", "wgd24", "netns", "away")
			other := open(t, "wgd24")
			defer other.Close()
			testbed.Run(t, "ip", "link", "set", "wgd24", "mtu", "1320")
			if at, found := finder.find(nil); found {
				t.Errorf("the interface that was moved away is taken for the one here: %+v", at)
			}
			testbed.Run(t, "ip", "-n", "away", "link", "set", "wgd24", "mtu", "1321")
			expectMTU(t, device, 1321)
		})
	}
}

func TestALinkIsDownIfAnEmptyWriteIsAnIOError(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	const descriptor = 810
	newDeviceAt(t, "wgd26", descriptor)
	testbed.Run(t, "ip", "link", "set", "wgd26", "up")
	testbed.Refuse(t, unix.EIO, unix.SYS_WRITE, testbed.Argument{Index: 0, Value: descriptor}, testbed.Argument{Index: 2, Value: 0})
	poll := []unix.PollFd{{Fd: descriptor, Events: unix.POLLOUT}}
	if n, err := unix.Poll(poll, 0); n != 1 || err != nil || poll[0].Revents != unix.POLLOUT {
		t.Fatalf("not writable: %d, %v", n, err)
	}
	if up, attached, err := (&link{fd: descriptor}).isUp(); up || !attached || err != nil {
		t.Errorf("up %v, attached %v, %v", up, attached, err)
	}
}

func TestALinkWhoseMessagesCannotBeReadIsPolled(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	for i, errno := range []unix.Errno{unix.EIO, unix.ENOBUFS} {
		t.Run(errno.Error(), func(t *testing.T) {
			descriptor := 820 + i
			fd, err := rtnetlink.Open(unix.SOCK_NONBLOCK, unix.RTMGRP_LINK)
			if err != nil {
				t.Fatal(err)
			}
			testbed.Descriptor(t, fd, descriptor)
			netlink, err := pollable.NewFile(descriptor, "netlink")
			if err != nil {
				t.Fatal(err)
			}
			testbed.Refuse(t, errno, unix.SYS_RECVMSG, testbed.Argument{Index: 0, Value: uint32(descriptor)})
			var lines []string
			l := &link{
				netlink: netlink, changes: make(chan []linkMessage), done: make(chan struct{}),
				errorf: func(format string, arguments ...any) { lines = append(lines, fmt.Sprintf(format, arguments...)) },
			}
			begun := time.Now()
			l.running.Go(l.listen)
			var minimum time.Duration
			for failures := 1; failures <= 8; failures++ {
				select {
				case messages, open := <-l.changes:
					if !open || len(messages) > 0 {
						t.Fatalf("messages %v, open %v", messages, open)
					}
				case <-time.After(timeout):
					t.Fatal("nothing comes")
				}
				if failures < 8 {
					minimum += backoff.After(failures)
				}
			}
			if took := time.Since(begun); took < minimum {
				t.Errorf("within %v, without the pauses of %v", took, minimum)
			}
			close(l.done)
			if err := netlink.Close(); err != nil {
				t.Error(err)
			}
			l.running.Wait()
			if said := len(lines); said != 1-i {
				t.Errorf("it says %q", lines)
			}
		})
	}
}

func TestALinkThatIsUpAgainBeforeItWasSeenDownIsReportedUp(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newDevice(t, "wgd26")
	testbed.Run(t, "ip", "link", "set", "wgd26", "up")
	expect(t, device, engine.EventUp)
	iface, err := net.InterfaceByName("wgd26")
	if err != nil {
		t.Fatal(err)
	}
	device.link.changes <- []linkMessage{{at: place{ownNamespace, int32(iface.Index)}, wentDown: true}}
	expect(t, device, engine.EventUp)
}
