package tunnel

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
	"wg-bridge/go/uapi"
)

// startLogged starts the tunnel wgt0 and returns it with what it logs at error level.
func startLogged(t *testing.T, files Files) (*Tunnel, <-chan string) {
	t.Helper()
	lines := make(chan string, 100)
	errorf := func(format string, arguments ...any) { lines <- fmt.Sprintf(format, arguments...) }
	tunnel, err := Start(files, AllFeatures, Log{func(string, ...any) {}, errorf})
	if err != nil {
		t.Fatal(err)
	}
	return tunnel, lines
}

// openFiles opens the interface and the socket of wgt0.
func openFiles(t *testing.T) Files {
	t.Helper()
	files, err := Open("wgt0", 0, Given{})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// forbidDescriptors makes every system call fail that would open a descriptor in this process, with EMFILE.
// The returned function allows them again; the end of the test does too.
func forbidDescriptors(t *testing.T) (allow func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(limit unix.Rlimit) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	set(unix.Rlimit{Cur: 3, Max: before.Max})
	allow = func() { set(before) }
	t.Cleanup(allow)
	return allow
}

// connectLate returns a socket that needs no further descriptor to connect to wgt0.
func connectLate(t *testing.T) (socket *os.File, connect func()) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket = os.NewFile(uintptr(fd), "client")
	t.Cleanup(func() { socket.Close() })
	return socket, func() {
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: uapi.Path("wgt0")}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFullDescriptorTableIsWaitedOutAndSaidAtErrorLevel(t *testing.T) {
	begin(t)
	tunnel, errs := startLogged(t, openFiles(t))
	client, connect := connectLate(t)
	allow := forbidDescriptors(t)
	connect()
	if line := testbed.Wait(t, errs, "the log line"); !strings.Contains(line, "too many open files") || !strings.Contains(line, "ulimit -n") {
		t.Errorf("logged %q", line)
	}
	allow()
	if _, err := client.WriteString("get=1\n\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(client).ReadString('\n'); err != nil || line == "" {
		t.Errorf("answer %q, %v", line, err)
	}
	if err := tunnel.Close(); err != nil {
		t.Error(err)
	}
	if len(errs) > 0 {
		t.Errorf("logged again: %q", <-errs)
	}
	expectEnd(t, tunnel, Closed)
}

func TestATunnelIsClosedWhileTheDescriptorTableIsFull(t *testing.T) {
	begin(t)
	tunnel, errs := startLogged(t, openFiles(t))
	_, connect := connectLate(t)
	allow := forbidDescriptors(t)
	connect()
	testbed.Wait(t, errs, "the log line")
	closed := make(chan error, 1)
	go func() { closed <- tunnel.Close() }()
	err := testbed.Wait(t, closed, "Close")
	allow()
	if err != nil {
		t.Error(err)
	}
}

func TestASocketThatIsGoneEndsTheTunnelWithItsReason(t *testing.T) {
	begin(t)
	tunnel, errs := startLogged(t, openFiles(t))
	tunnel.accepted <- os.NewSyscallError("accept4", unix.EINVAL) // a listening socket never gives it
	testbed.Wait(t, tunnel.Done(), "the tunnel's end")
	if end, err := tunnel.End(); end != ListenerFailed || !errors.Is(err, unix.EINVAL) {
		t.Errorf("End = %s, %v; want %s, EINVAL", end, err, ListenerFailed)
	}
	if line := testbed.Wait(t, errs, "the log line"); !strings.Contains(line, tunnel.EndLine()) {
		t.Errorf("logged %q", line)
	}
	if err := tunnel.Close(); err != nil {
		t.Errorf("Close of a tunnel that has ended: %v", err)
	}
}

func TestATunnelThatIsSetUpWithAFullDescriptorTableHearsOnceThereAreDescriptors(t *testing.T) {
	begin(t)
	tunnel, errs := startLogged(t, openFiles(t))
	defer tunnel.Close()
	command := exec.Command("sh", "-c", "read go; exec ip link set wgt0 up")
	gate, err := command.StdinPipe()
	if err = errors.Join(err, command.Start()); err != nil {
		t.Fatal(err)
	}
	allow := forbidDescriptors(t)
	if _, err := gate.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(testbed.Wait(t, errs, "the log line"), "Unable to update bind") {
	}
	allow()
	for deadline := time.Now().Add(patience); tunnel.bind.Port() == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it stays deaf")
		}
	}
}
