package tun

import (
	"errors"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

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
	for _, name := range []string{"wgo1", "lo"} { // a TUN in use, and no TUN at all
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

func TestAFileThatIsNoTUNIsRefusedAndClosed(t *testing.T) {
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
