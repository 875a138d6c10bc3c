package tun

import (
	"errors"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/segmentation"
	"wg-bridge/go/testbed"
)

func open(t *testing.T, name string) *os.File {
	t.Helper()
	file, err := Open(name, 1420)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOpenMakesAnInterfaceOfTheGivenMTUAndCloseDeletesIt(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgo")
	file, err := Open("wgo0", 1234)
	if err != nil {
		t.Fatal(err)
	}
	found, err := net.InterfaceByName("wgo0")
	if err != nil || found.MTU != 1234 {
		t.Errorf("interface %+v, %v; want MTU 1234", found, err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheKernelChoosesTheNumberOfANameWithPercentD(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgo")
	file := open(t, "wgon%d")
	defer file.Close()
	if name, err := Name(file); name != "wgon0" || err != nil {
		t.Errorf("Name = %q, %v; want wgon0", name, err)
	}
}

func TestAnInterfaceThatExistsIsBusyAndStays(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgo")
	first := open(t, "wgo1")
	defer first.Close()
	for _, name := range []string{"wgo1", "lo"} { // a TUN in use, and an interface that is not a TUN
		if _, err := Open(name, 1420); !errors.Is(err, unix.EBUSY) {
			t.Errorf("Open(%q) = %v, want EBUSY", name, err)
		}
		if _, err := net.InterfaceByName(name); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}

func TestAnMTUThatTheKernelRefusesLeavesNoInterfaceBehind(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgo")
	if _, err := Open("wgo2", 1<<20); !errors.Is(err, unix.EINVAL) {
		t.Errorf("Open = %v, want EINVAL", err)
	}
}

func TestAFileThatIsNotATUNIsRefusedAndClosed(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgo")
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(file, Config{}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("New = %v, want EINVAL", err)
	}
	if err := file.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file is still open: %v", err)
	}
}

// openAs makes a TUN or TAP interface with these flags, as another program might.
func openAs(t *testing.T, name string, flags uint16) int {
	t.Helper()
	fd, err := unix.Open(clonePath, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestATAPIsRefused(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgo")
	file := os.NewFile(uintptr(openAs(t, "wgo3", unix.IFF_TAP|unix.IFF_NO_PI)), clonePath)
	if _, err := New(file, Config{}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("New = %v, want EINVAL", err)
	}
}

// exchange sends packets through the device of an interface, and expects each.
func exchange(t *testing.T, fd int, name string) *Device {
	t.Helper()
	device := newDeviceOf(t, os.NewFile(uintptr(fd), clonePath))
	exchangeBy(t, device, name)
	return device
}

// exchangeBy is exchange for a device that is there already.
func exchangeBy(t *testing.T, device *Device, name string) {
	t.Helper()
	ended := make(chan int, 1)
	go reflectRouted(device, 0, ended)
	t.Cleanup(func() {
		_ = device.Close() // its owner closes it again
		testbed.Wait(t, ended, "the end of the mirror")
	})
	testbed.Run(t, "ip", "address", "add", ownIPv4+"/24", "dev", name)
	testbed.Run(t, "ip", "link", "set", name, "up")
	sendTCP(t, ownIPv4, neighbourIPv4)
	sendUDP(t, ownIPv4, neighbourIPv4)
}

func TestPacketsCrossWhateverHeadersTheInterfaceHas(t *testing.T) {
	testbed.RequireSandbox(t)
	for name, flags := range map[string]uint16{"none": 0, "longer ones": unix.IFF_VNET_HDR} {
		t.Run(name, func(t *testing.T) {
			testbed.CheckLeaks(t, "wgo")
			fd := openAs(t, "wgo4", unix.IFF_TUN|unix.IFF_NO_PI|flags)
			if flags != 0 {
				if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, 12); err != nil {
					t.Fatal(err)
				}
			}
			exchange(t, fd, "wgo4")
		})
	}
}

func TestPacketsCrossIfTheKernelRefusesAllOffloads(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgo")
	const descriptor = 730
	testbed.Descriptor(t, openAs(t, "wgo5", unix.IFF_TUN|unix.IFF_NO_PI|unix.IFF_VNET_HDR), descriptor)
	testbed.Refuse(t, unix.EINVAL, unix.SYS_IOCTL, testbed.Argument{Index: 0, Value: descriptor},
		testbed.Argument{Index: 1, Value: unix.TUNSETOFFLOAD})
	if device := exchange(t, descriptor, "wgo5"); device.writer.joiner.Joins != [segmentation.Kinds]bool{} {
		t.Error("packets are joined all the same")
	}
}
