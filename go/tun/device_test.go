package tun

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	engine "golang.zx2c4.com/wireguard/tun"

	"wg-bridge/go/testbed"
)

func newDevice(t *testing.T, name string) *Device {
	t.Helper()
	return newDeviceOf(t, open(t, name))
}

// newDeviceAt is newDevice with a TUN file of that descriptor, by which a filter can recognise it.
func newDeviceAt(t *testing.T, name string, descriptor int) *Device {
	t.Helper()
	file := open(t, name)
	err := control(file, func(fd int) error {
		fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			testbed.Descriptor(t, fd, descriptor)
		}
		return err
	})
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	return newDeviceOf(t, os.NewFile(uintptr(descriptor), clonePath))
}

func newDeviceOf(t *testing.T, file *os.File) *Device {
	t.Helper()
	device, err := New(file, Config{Offloads: AllOffloads, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	})
	return device
}

func expect(t *testing.T, device *Device, want engine.Event) {
	t.Helper()
	if got := testbed.Wait(t, device.Events(), "a link event"); got != want {
		t.Fatalf("event %d, want %d", got, want)
	}
}

func expectMTU(t *testing.T, device *Device, want int) {
	t.Helper()
	expect(t, device, engine.EventMTUUpdate)
	if got, err := device.MTU(); got != want || err != nil {
		t.Fatalf("MTU %d, %v; want %d", got, err, want)
	}
}

// changes makes a link go up, change its MTU and go down, and expects an event for each.
func changes(t *testing.T, device *Device, mtu int, link ...string) {
	t.Helper()
	set := func(what ...string) { testbed.Run(t, append(append([]string{"ip"}, link...), what...)...) }
	set("up")
	expect(t, device, engine.EventUp)
	set("mtu", strconv.Itoa(mtu))
	expectMTU(t, device, mtu)
	set("down")
	expect(t, device, engine.EventDown)
}

func TestLinkAndMTUChangesAreReported(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newDevice(t, "wgd0")
	changes(t, device, 1300, "link", "set", "wgd0")
}

func TestLinkAndMTUChangesAreReportedFromTheNamespaceToWhichTheInterfaceMoved(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	testbed.Namespace(t, "moved")
	device := newDevice(t, "wgd1")
	testbed.Run(t, "ip", "link", "set", "wgd1", "netns", "moved")
	changes(t, device, 1301, "-n", "moved", "link", "set", "wgd1")
}

func TestAnInterfaceThatIsMovedOnAndBackIsFollowed(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	testbed.Namespace(t, "first")
	testbed.Namespace(t, "second")
	device := newDevice(t, "wgd2")
	testbed.Run(t, "ip", "link", "set", "wgd2", "netns", "first")
	testbed.Run(t, "ip", "-n", "first", "link", "set", "wgd2", "netns", "second")
	testbed.Run(t, "ip", "-n", "second", "link", "set", "wgd2", "up")
	expect(t, device, engine.EventUp)
	testbed.Run(t, "ip", "-n", "second", "link", "set", "wgd2", "netns", "1")
	expect(t, device, engine.EventDown)
	changes(t, device, 1302, "link", "set", "wgd2")
}

func TestAnotherInterfaceOfTheSameNameIsNotMistakenForAMovedOne(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	testbed.Namespace(t, "away")
	device := newDevice(t, "wgd3")
	testbed.Run(t, "ip", "link", "set", "wgd3", "netns", "away")
	other := open(t, "wgd3")
	defer other.Close()
	testbed.Run(t, "ip", "link", "set", "wgd3", "up", "mtu", "1303")
	testbed.Run(t, "ip", "-n", "away", "link", "set", "wgd3", "mtu", "1304")
	expectMTU(t, device, 1304)
}

func TestADeletedInterfaceEndsReadsAndMarksTheDeviceGone(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newDevice(t, "wgd4")
	read := make(chan error, 1)
	go func() {
		buffers := [][]byte{make([]byte, 65535)}
		_, err := device.Read(buffers, make([]int, 1), 0)
		read <- err
	}()
	testbed.Run(t, "ip", "link", "del", "wgd4")
	if err := testbed.Wait(t, read, "the end of a read"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read = %v, want ErrClosed", err)
	}
	testbed.Wait(t, device.Gone(), "the device's end")
}

func TestCloseEndsTheEventsWhetherOrNotAnybodyReadsThem(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newDevice(t, "wgd5")
	testbed.Run(t, "ip", "link", "set", "wgd5", "up")
	testbed.Run(t, "ip", "link", "set", "wgd5", "mtu", "1300")
	if err := device.Close(); err != nil {
		t.Fatal(err)
	}
	for range device.Events() {
		t.Log("an event that was under way")
	}
}

func TestAFileThatCannotBePolledIsRefused(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	const descriptor = 830
	file := open(t, "wgd30")
	duplicate, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err = errors.Join(err, file.Close(), unix.SetNonblock(duplicate, true)); err != nil {
		t.Fatal(err)
	}
	testbed.Descriptor(t, duplicate, descriptor)
	testbed.Refuse(t, unix.ENOSPC, unix.SYS_EPOLL_CTL, testbed.Argument{Index: 2, Value: descriptor})
	_, err = New(os.NewFile(descriptor, clonePath), Config{})
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "fs.epoll.max_user_watches") {
		t.Errorf("New = %v", err)
	}
}
