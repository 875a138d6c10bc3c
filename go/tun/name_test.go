package tun

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
)

func TestNamesThatNoInterfaceCanHaveAreRefusedWithEINVAL(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("a", 16), "a/b", "a b", "a\tb", "a\nb", "a\x00b", "a:b", ".", ".."} {
		if err := CheckName(name); !errors.Is(err, unix.EINVAL) {
			t.Errorf("CheckName(%q) = %v, want EINVAL", name, err)
		}
	}
	for _, name := range []string{"wg0", strings.Repeat("a", 15), "wg-é", "...", "wg%d"} {
		if err := CheckName(name); err != nil {
			t.Errorf("CheckName(%q) = %v, want nil", name, err)
		}
	}
}

func TestTheKernelAcceptsExactlyTheNamesThatCheckNameAccepts(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgo")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	alphabet := []byte("aZ09-_.:/ \t\x0b\n@é~")
	for range 300 {
		name := make([]byte, random.IntN(18))
		for i := range name {
			name[i] = alphabet[random.IntN(len(alphabet))]
		}
		fd, err := unix.Open(clonePath, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		accepted := false
		if request, err := unix.NewIfreq(string(name)); err == nil && len(name) > 0 { // an empty name asks for tun%d
			request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			accepted = unix.IoctlIfreq(fd, unix.TUNSETIFF, request) == nil
		}
		unix.Close(fd)
		if allowed := CheckName(string(name)) == nil; allowed != accepted && string(name) != "lo" {
			t.Errorf("%q: the kernel accepts it: %v, CheckName: %v", name, accepted, allowed)
		}
	}
}
