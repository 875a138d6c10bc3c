package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/status"
	"wg-bridge/go/testbed"
	"wg-bridge/go/tunnel"
)

func begin(t *testing.T) *library {
	t.Helper()
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgl")
	return newLibrary()
}

func openTunnel(t *testing.T, l *library, name string) (id int) {
	t.Helper()
	id = l.newHandle()
	if result := l.openNamed(id, name); result != 0 {
		t.Fatalf("open: %d, %s", result, l.handles[id].lastFailed.get().fact)
	}
	return id
}

func (l *library) openNamed(id int, name string) int {
	return l.open(id, name, 0, tunnel.Verbose, -1, -1)
}

func (l *library) exchange(id int, request string, buffer []byte) int {
	return l.call(id, func(h *handle) (int, error) { return h.exchange([]byte(request), buffer) })
}

// lines reads a stream that the library handed out, to its end.
func lines(t *testing.T, fd int) []string {
	t.Helper()
	if fd < 0 {
		t.Fatalf("no descriptor: %d", fd)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	stream := os.NewFile(uintptr(fd), "stream")
	defer stream.Close()
	var read []string
	for scanner := bufio.NewScanner(stream); scanner.Scan(); {
		read = append(read, scanner.Text())
	}
	return read
}

func TestAHandleIsUnknownBeforeItIsMadeAndAfterItIsClosed(t *testing.T) {
	l := begin(t)
	id := openTunnel(t, l, "wgl0")
	if result := l.closeHandle(id); result != 0 {
		t.Errorf("close: %d", result)
	}
	for _, unknown := range []int{id, id + 1, 0, -1} {
		if result := l.closeHandle(unknown); result != -int(unix.EBADF) {
			t.Errorf("handle %d: %d, want EBADF", unknown, result)
		}
	}
	if again := l.newHandle(); again == id {
		t.Error("a handle was used twice")
	} else {
		l.closeHandle(again)
	}
}

func TestEachErrorOfOpenHasItsErrnoAndItsTextAndLeavesNothingBehind(t *testing.T) {
	l := begin(t)
	id := openTunnel(t, l, "wgl0")
	codes := map[unix.Errno]status.Code{unix.EINVAL: status.InterfaceName, unix.EBUSY: status.InterfaceExists}
	for name, want := range map[string]unix.Errno{"": unix.EINVAL, "a/b": unix.EINVAL, "wgl0": unix.EBUSY} {
		failing := l.newHandle()
		if result := l.openNamed(failing, name); result != -int(want) {
			t.Errorf("open(%q): %d, want %d", name, result, -want)
		}
		last := l.handles[failing].lastFailed.get()
		if !strings.Contains(last.fact, want.Error()) || last.errno != want || last.code != codes[want] {
			t.Errorf("open(%q): %+v", name, last)
		}
		l.closeHandle(failing)
	}
	if result := l.openNamed(id, "wgl1"); result != -int(unix.EBUSY) {
		t.Errorf("a second open: %d, want EBUSY", result)
	}
	l.closeHandle(id)
}

func TestFeaturesAreDisabledBeforeTheTunnelOpensAndTheLastCallCounts(t *testing.T) {
	l := begin(t)
	id := l.newHandle()
	disable := func(names string) int {
		return l.call(id, func(h *handle) (int, error) { return 0, h.disable(names) })
	}
	fd := l.call(id, (*handle).logFd)
	for _, step := range []struct {
		names string
		want  int
	}{{"all", 0}, {"tso4,uso", 0}, {"tso4,tos6", -int(unix.EINVAL)}} {
		if got := disable(step.names); got != step.want {
			t.Errorf("disable(%q): %d, want %d", step.names, got, step.want)
		}
	}
	if text := l.handles[id].lastFailed.get().fact; !strings.Contains(text, `no feature "tos6"`) {
		t.Errorf("text %q", text)
	}
	l.openNamed(id, "wgl0")
	if got := disable(""); got != -int(unix.EBUSY) {
		t.Errorf("once it is open: %d, want EBUSY", got)
	}
	l.closeHandle(id)
	if log := strings.Join(lines(t, fd), "\n"); !strings.Contains(log+"\n", "Disabled: tso4,uso\n") {
		t.Errorf("log %q", log)
	}
}

func TestAnAnswerThatDoesNotFitChangesNothing(t *testing.T) {
	l := begin(t)
	id := openTunnel(t, l, "wgl0")
	exchange := func(request string, size int) (int, string) {
		buffer := make([]byte, size)
		n := l.exchange(id, request, buffer)
		return n, string(buffer[:max(n, 0)])
	}
	if n, _ := exchange("set=1\nfwmark=5\n\n", tunnel.MinAnswer-1); n != -int(unix.ERANGE) {
		t.Errorf("a set into a small buffer: %d, want ERANGE", n)
	}
	if _, answer := exchange("get=1\n\n", 4096); strings.Contains(answer, "fwmark") {
		t.Errorf("the refused set was done: %q", answer)
	}
	if _, answer := exchange("set=1\nprivate_key="+strings.Repeat("a1", 32)+"\n\n", tunnel.MinAnswer); answer != "errno=0\n\n" {
		t.Errorf("a set: %q", answer)
	}
	if n, _ := exchange("get=1\n\n", tunnel.MinAnswer); n != -int(unix.ERANGE) {
		t.Errorf("a get into a small buffer: %d, want ERANGE", n)
	}
	l.closeHandle(id)
}

func TestTheLogCanBeReadAsLinesUntilTheTunnelIsClosed(t *testing.T) {
	l := begin(t)
	id := l.newHandle()
	fd := l.call(id, (*handle).logFd)
	if again := l.call(id, (*handle).logFd); again != -int(unix.EBUSY) {
		t.Errorf("a second descriptor: %d, want EBUSY", again)
	}
	l.openNamed(id, "wgl0")
	l.closeHandle(id)
	log := lines(t, fd)
	if len(log) < 3 || !strings.HasPrefix(log[0], "DEBUG: (wgl0) ") {
		t.Errorf("log %q", log)
	}
}

func TestALogThatNobodyReadsLosesLinesAndCountsThem(t *testing.T) {
	l := begin(t)
	_ = l
	fd, writer, err := newLineStream()
	if err != nil {
		t.Fatal(err)
	}
	const written = 100_000
	for i := range written {
		fmt.Fprintf(writer, "line %d\n", i)
	}
	stream := os.NewFile(uintptr(fd), "stream")
	defer stream.Close()
	scanner := bufio.NewScanner(stream)
	kept := 0
	for scanner.Scan() {
		if scanner.Text() != fmt.Sprintf("line %d", kept) {
			t.Fatalf("line %d reads %q", kept, scanner.Text())
		}
		if kept++; kept == written-writer.dropped {
			break
		}
	}
	if writer.dropped == 0 {
		t.Fatal("nothing was dropped: the stream waits for its reader")
	}
	dropped := writer.dropped
	writer.writeLine("after")
	writer.close()
	want := []string{fmt.Sprintf("ERROR: %d log lines dropped: they were not read fast enough", dropped), "after"}
	for _, line := range want {
		if !scanner.Scan() || scanner.Text() != line {
			t.Errorf("%q, want %q", scanner.Text(), line)
		}
	}
}

func TestTheEndIsToldWithItsReason(t *testing.T) {
	for want, end := range map[string]func(*library, int){
		"closed":            func(l *library, id int) { l.closeHandle(id) },
		"interface-deleted": func(*library, int) { testbed.Run(t, "ip", "link", "del", "wgl0") },
		"socket-removed":    func(*library, int) { testbed.Run(t, "rm", "/var/run/wireguard/wgl0.sock") },
	} {
		t.Run(want, func(t *testing.T) {
			l := begin(t)
			id := openTunnel(t, l, "wgl0")
			fd := l.call(id, (*handle).endFd)
			end(l, id)
			if told := lines(t, fd); len(told) != 1 || told[0] != want {
				t.Errorf("told %q", told)
			}
			l.closeHandle(id)
		})
	}
}

func TestAPanicBecomesAnErrorCode(t *testing.T) {
	l := begin(t)
	id := l.newHandle()
	result := l.call(id, func(*handle) (int, error) { panic("broken") })
	if result != -int(unix.ENOTRECOVERABLE) {
		t.Errorf("result %d, want ENOTRECOVERABLE", result)
	}
	if text := l.handles[id].lastFailed.get().fact; !strings.Contains(text, "broken") {
		t.Errorf("text %q", text)
	}
	l.closeHandle(id)
}

func TestManyTunnelsOpenAndCloseAtTheSameTime(t *testing.T) {
	l := begin(t)
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			name := fmt.Sprintf("wgl%d", worker)
			for range 10 {
				id := l.newHandle()
				if result := l.openNamed(id, name); result != 0 {
					t.Errorf("open %s: %d", name, result)
				}
				buffer := make([]byte, 4096)
				if n := l.exchange(id, "get=1\n\n", buffer); n < 0 {
					t.Errorf("exchange: %d", n)
				}
				if result := l.closeHandle(id); result != 0 {
					t.Errorf("close %s: %d", name, result)
				}
			}
		})
	}
	workers.Wait()
}

func TestAUserspaceTunnelIsOpenedOnceAndAnswersThisProcess(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	l := newLibrary()
	directory := t.TempDir()
	if err := os.Chmod(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "station")
	open := func(id int, path string, mtu int) int {
		return l.call(id, func(h *handle) (int, error) { return 0, h.openUserspace(path, mtu, tunnel.Verbose) })
	}
	id := l.newHandle()
	fd := l.call(id, (*handle).logFd)
	for want, arguments := range map[unix.Errno]func() int{
		unix.EINVAL: func() int { return open(id, path, 576) },
		unix.ENOENT: func() int { return open(id, directory+"/gone/station", 0) },
		unix.EPERM:  func() int { return open(id, "/tmp/station-of-nobody", 0) },
	} {
		if got := arguments(); got != -int(want) {
			t.Errorf("%d, want %v: %+v", got, want, l.handles[id].lastFailed.get())
		}
	}
	if got := open(id, path, 0); got != 0 {
		t.Fatalf("%d: %+v", got, l.handles[id].lastFailed.get())
	}
	if got := open(id, path, 0); got != -int(unix.EBUSY) {
		t.Errorf("a second time: %d", got)
	}
	buffer := make([]byte, 4096)
	if n := l.exchange(id, "get=1\n\n", buffer); n < 0 || !strings.HasSuffix(string(buffer[:n]), "errno=0\n\n") {
		t.Errorf("exchange: %d", n)
	}
	connection, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	const request = `{"v":1,"kind":"control"}`
	if _, err := connection.Write(append([]byte{0, 0, 0, byte(len(request))}, request...)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 6)
	if _, err := io.ReadFull(connection, answer); err != nil || string(answer) != "\x00\x00\x00\x02{}" {
		t.Errorf("%q, %v", answer, err)
	}
	end := l.call(id, (*handle).endFd)
	if got := l.closeHandle(id); got != 0 {
		t.Errorf("close: %d", got)
	}
	if told := lines(t, end); len(told) != 1 || told[0] != "closed" {
		t.Errorf("told %q", told)
	}
	if log := strings.Join(lines(t, fd), "\n"); !strings.Contains(log, "DEBUG: (userspace) ") {
		t.Errorf("log %q", log)
	}
}
