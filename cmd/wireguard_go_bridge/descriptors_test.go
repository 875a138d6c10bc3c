package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/tunnel"
)

// openDescriptor returns a descriptor that no os.File owns.
func openDescriptor(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}

// withoutCollector keeps files open that are only forgotten.
func withoutCollector(t *testing.T) {
	t.Helper()
	old := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(old) })
}

func TestGivenDescriptorsAreClosedAtOnceWhateverFails(t *testing.T) {
	l := begin(t)
	withoutCollector(t)
	open, closed := openTunnel(t, l, "wgl0"), l.newHandle()
	l.closeHandle(closed)
	for title, test := range map[string]struct {
		id   func() int
		name string
		mtu  int
		want unix.Errno
	}{
		"an unknown handle": {func() int { return 12345 }, "wgl1", 0, unix.EBADF},
		"a closed handle":   {func() int { return closed }, "wgl1", 0, unix.EBADF},
		"an open handle":    {func() int { return open }, "wgl1", 0, unix.EBUSY},
		"an impossible MTU": {l.newHandle, "wgl1", maxMTU + 1, unix.EINVAL},
		"a negative MTU":    {l.newHandle, "wgl1", -1, unix.EINVAL},
		"no TUN of these":   {l.newHandle, "wgl1", 0, unix.EINVAL},
	} {
		t.Run(title, func(t *testing.T) {
			id, tun, uapi := test.id(), openDescriptor(t), openDescriptor(t)
			if result := l.open(id, test.name, test.mtu, tunnel.Silent, tun, uapi); result != -int(test.want) {
				t.Errorf("open: %d, want %d", result, -int(test.want))
			}
			if isOpen(tun) || isOpen(uapi) {
				t.Errorf("TUN open %v, UAPI socket open %v", isOpen(tun), isOpen(uapi))
			}
			if id != open {
				l.closeHandle(id)
			}
		})
	}
	l.closeHandle(open)
}

func TestDescriptorsThatCannotBeAreRefusedAndTheOtherIsClosed(t *testing.T) {
	l := begin(t)
	withoutCollector(t)
	const unopened = 98_765
	for title, give := range map[string]func(fd int) (tun, uapi int){
		"a TUN that is not open":    func(fd int) (int, int) { return unopened, fd },
		"a socket that is not open": func(fd int) (int, int) { return fd, unopened },
		"the same one twice":        func(fd int) (int, int) { return fd, fd },
	} {
		t.Run(title, func(t *testing.T) {
			id, fd := l.newHandle(), openDescriptor(t)
			tun, uapi := give(fd)
			if result := l.open(id, "wgl0", 0, tunnel.Silent, tun, uapi); result != -int(unix.EINVAL) {
				t.Errorf("open: %d, want EINVAL", result)
			}
			if isOpen(fd) {
				t.Error("the descriptor is still open")
			}
			l.closeHandle(id)
		})
	}
}

func TestAHandleThatIsClosedWhileItOpensHasNoTunnelAfterwards(t *testing.T) {
	l := begin(t)
	for round := range 20 {
		id := l.newHandle()
		h := l.handles[id]
		var racing sync.WaitGroup
		var opened, closed int
		racing.Go(func() { opened = l.openNamed(id, "wgl0") })
		racing.Go(func() {
			for range round % 8 {
				runtime.Gosched()
			}
			closed = l.closeHandle(id)
		})
		racing.Wait()
		if closed != 0 || opened != 0 && opened != -int(unix.EBADF) {
			t.Fatalf("open: %d, close: %d", opened, closed)
		}
		if opened == 0 {
			expectEnded(t, h)
		} else if h.tunnel != nil {
			t.Fatal("a closed handle holds a tunnel")
		}
	}
}

// expectEnded fails the test unless the handle's tunnel has ended.
func expectEnded(t *testing.T, h *handle) {
	t.Helper()
	select {
	case <-h.tunnel.Done():
	default:
		t.Fatal("the tunnel is open, and its handle is closed")
	}
}

// What has found the handle before it was closed, and gets its turn after that, finds it closed.
func TestACallThatComesTooLateFindsTheHandleClosed(t *testing.T) {
	l := begin(t)
	withoutCollector(t)
	id := l.newHandle()
	h := l.handles[id]
	if result := l.closeHandle(id); result != 0 {
		t.Fatal(result)
	}
	l.handles[id] = h // as it was when the call looked
	tun := openDescriptor(t)
	for what, result := range map[string]int{
		"open":     l.open(id, "wgl0", 0, tunnel.Silent, tun, -1),
		"disable":  l.call(id, func(h *handle) (int, error) { return 0, h.disable("all") }),
		"exchange": l.exchange(id, "get=1\n\n", make([]byte, 4096)),
		"log":      l.call(id, (*handle).logFd),
		"end":      l.call(id, (*handle).endFd),
		"close":    l.closeHandle(id),
	} {
		if result != -int(unix.EBADF) {
			t.Errorf("%s: %d, want EBADF", what, result)
		}
	}
	if isOpen(tun) {
		t.Error("the descriptor is still open")
	}
}
