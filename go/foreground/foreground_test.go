package foreground

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenClosesTheDescriptorItWasGivenWhenTheOtherIsNoGood(t *testing.T) {
	fd, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{TUNFd: strconv.Itoa(fd), UAPIFd: "nonsense"}
	process := Process{Getenv: func(name string) string { return environment[name] }, Output: io.Discard}
	if _, _, err := process.Open("wg0"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("Open = %v, want EINVAL", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
		t.Errorf("the descriptor is still open: %v", err)
	}
}

func TestAnUnknownFeatureOpensNothingAndTheErrorNamesItsVariable(t *testing.T) {
	environment := map[string]string{Disable: "tso4,tos6", TUNFd: "nonsense"} // which comes later
	process := Process{Getenv: func(name string) string { return environment[name] }, Output: io.Discard}
	_, _, err := process.Open("wg0")
	if !errors.Is(err, unix.EINVAL) || !strings.HasPrefix(err.Error(), `WG_BRIDGE_DISABLE: there is no feature "tos6"`) {
		t.Errorf("Open = %v", err)
	}
}
