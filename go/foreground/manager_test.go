package foreground

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/status"
	"wg-bridge/go/tunnel"
)

// A serviceManager receives what is sent to its address.
type serviceManager struct {
	connection *net.UnixConn
	address    string
}

// newServiceManager listens at an address, which ends with the test.
func newServiceManager(t *testing.T, address string) serviceManager {
	t.Helper()
	connection, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	raw, err := connection.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var optionErr error
	err = raw.Control(func(fd uintptr) { optionErr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	if err := errors.Join(err, optionErr); err != nil {
		t.Fatal(err)
	}
	return serviceManager{connection, address}
}

func atPath(t *testing.T) serviceManager {
	t.Helper()
	return newServiceManager(t, filepath.Join(t.TempDir(), "notify"))
}

// next returns the next message, and the process in whose name it was sent.
func (m serviceManager) next(t *testing.T) (message string, pid int) {
	t.Helper()
	if err := m.connection.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	data, control := make([]byte, 4096), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	n, controlled, _, _, err := m.connection.ReadMsgUnix(data, control)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:controlled])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d control messages, %v", len(messages), err)
	}
	credentials, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(data[:n]), int(credentials.Pid)
}

// expect fails the test unless the next message is this one, of this process.
func (m serviceManager) expect(t *testing.T, want string) {
	t.Helper()
	if message, pid := m.next(t); message != want || pid != os.Getpid() {
		t.Errorf("%q of process %d, want %q", message, pid, want)
	}
}

// expectNothing fails the test if a message has arrived.
func (m serviceManager) expectNothing(t *testing.T) {
	t.Helper()
	m2 := manager{address: &net.UnixAddr{Net: "unixgram", Name: m.address}, log: tunnel.NewLog(os.Stderr, tunnel.Error, "wg0")}
	m2.notify("NOTHING=1") // would come after it
	m.expect(t, "NOTHING=1")
}

// found returns the manager of an environment, and what was logged meanwhile and later.
func found(environment map[string]string) (manager, *strings.Builder) {
	var logged strings.Builder
	process := Process{Getenv: func(name string) string { return environment[name] }}
	return process.findManager(tunnel.NewLog(&logged, tunnel.Error, "wg0")), &logged
}

func TestEachStateIsOneMessageToAPathOrAnAbstractName(t *testing.T) {
	for _, at := range []serviceManager{
		atPath(t),
		newServiceManager(t, fmt.Sprintf("@wg-bridge/%d", os.Getpid())),
	} {
		m, logged := found(map[string]string{NotifySocket: at.address})
		m.ready("wg0")
		at.expect(t, "READY=1\nSTATUS=Serving wg0")
		m.closing("wg0")
		at.expect(t, "STOPPING=1\nSTATUS=Closing wg0")
		exists := fmt.Errorf("interface wg0 exists\nalready: %w", unix.EBUSY)
		m.failed("wg0", &status.Failure{Code: status.InterfaceExists, Task: "opening", Err: exists})
		at.expect(t, "STATUS=Cannot serve wg0: interface wg0 exists; already: device or resource busy\nERRNO=16")
		key := strings.Repeat("5f", 32)
		m.failed("wg0", errors.New(key))
		at.expect(t, "STATUS=Cannot serve wg0: (hidden)\nERRNO=5")
		if logged.Len() > 0 {
			t.Errorf("logged %q", logged)
		}
	}
}

func TestWithoutAManagerNothingIsSentOrLogged(t *testing.T) {
	for _, address := range []string{"", "vsock:2:9999"} {
		m, logged := found(map[string]string{NotifySocket: address, WatchdogUsec: "1"})
		m.ready("wg0")
		m.guard(func() bool { t.Error("asked"); return true }, nil) // would not return
		if m.address != nil || logged.Len() > 0 {
			t.Errorf("%q: %v, logged %q", address, m.address, logged)
		}
	}
}

func TestAManagerThatCannotBeNotifiedIsLogged(t *testing.T) {
	const gone = "/nowhere/notify"
	for address, want := range map[string]string{
		"run/notify":             `NOTIFY_SOCKET="run/notify" is not an absolute path`,
		gone:                     "Notifying the service manager: dial unixgram " + gone + ": connect: no such file or directory",
		strings.Repeat("/x", 99): "Notifying the service manager: ",
	} {
		m, logged := found(map[string]string{NotifySocket: address})
		m.ready("wg0")
		if !strings.HasPrefix(logged.String(), "ERROR: (wg0) ") || !strings.Contains(logged.String(), want) ||
			strings.Count(logged.String(), "\n") != 1 {
			t.Errorf("%q: logged %q, want %q", address, logged, want)
		}
	}
}

func TestAManagerThatDoesNotReadIsNotWaitedForLong(t *testing.T) {
	at := atPath(t)
	m, logged := found(map[string]string{NotifySocket: at.address})
	for sent := 0; logged.Len() == 0; sent++ {
		if sent == 10_000 {
			t.Fatal("its queue has no end")
		}
		m.ready("wg0")
	}
	if !strings.Contains(logged.String(), "i/o timeout") {
		t.Errorf("logged %q", logged)
	}
}

func TestTheWatchdogIsForTheProcessThatItNames(t *testing.T) {
	own, other := strconv.Itoa(os.Getpid()), strconv.Itoa(os.Getppid())
	for _, row := range []struct {
		microseconds, pid string
		want              time.Duration
		logged            string
	}{
		{"30000000", own, 30 * time.Second, ""},
		{"30000000", "", 30 * time.Second, ""},
		{"30000000", other, 0, ""},
		{"", own, 0, ""},
		{"1", own, time.Microsecond, ""},
		{"0", own, 0, `WATCHDOG_USEC="0" is not a number of microseconds`},
		{"-1", own, 0, `WATCHDOG_USEC="-1" is not`},
		{"18446744073709551615", own, 0, "WATCHDOG_USEC"},
		{"9223372036854775807", own, 0, "WATCHDOG_USEC"},
		{"30s", own, 0, `WATCHDOG_USEC="30s" is not`},
		{"30000000", "self", 0, `WATCHDOG_PID="self" is not a process`},
		{"30000000", "-4", 0, `WATCHDOG_PID="-4" is not a process`},
	} {
		m, logged := found(map[string]string{NotifySocket: "/nowhere", WatchdogUsec: row.microseconds, WatchdogPID: row.pid})
		if m.watchdog != row.want || !strings.Contains(logged.String(), row.logged) || (row.logged == "") != (logged.Len() == 0) {
			t.Errorf("%q, %q: %v, logged %q", row.microseconds, row.pid, m.watchdog, logged)
		}
	}
}

func TestASignOfLifeIsSentOnlyWhileTheTunnelWorks(t *testing.T) {
	at := atPath(t)
	m, logged := found(map[string]string{NotifySocket: at.address, WatchdogUsec: "2000"})
	asked := make(chan bool)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		m.guard(func() bool { return <-asked }, stop)
		close(stopped)
	}()
	asked <- true
	at.expect(t, "WATCHDOG=1")
	asked <- false
	asked <- false // the one before has been dealt with
	at.expectNothing(t)
	asked <- true
	at.expect(t, "WATCHDOG=1")
	close(stop)
	for open := true; open; {
		select {
		case asked <- false: // a last tick
		case <-stopped:
			open = false
		}
	}
	at.expectNothing(t)
	if logged.Len() > 0 {
		t.Errorf("logged %q", logged)
	}
}

func TestAChildSpeaksForTheProcessThatWaitsForItIfItMay(t *testing.T) {
	at := atPath(t)
	parent := os.Getppid()
	m, logged := found(map[string]string{NotifySocket: at.address, NotifyPID: strconv.Itoa(parent)})
	m.ready("wg0")
	message, pid := at.next(t)
	want := parent
	if os.Geteuid() != 0 {
		want = os.Getpid()
	}
	if message != "READY=1\nSTATUS=Serving wg0" || pid != want {
		t.Errorf("%q of process %d, want one of process %d", message, pid, want)
	}
	m.pid = 1<<22 + 1 // beyond the kernel's limit: there is no such process
	m.ready("wg0")
	at.expect(t, "READY=1\nSTATUS=Serving wg0")
	if logged.Len() > 0 {
		t.Errorf("logged %q", logged)
	}
}

func TestAProcessThatCannotBeIsLoggedAndIgnored(t *testing.T) {
	at := atPath(t)
	m, logged := found(map[string]string{NotifySocket: at.address, NotifyPID: "nobody"})
	m.ready("wg0")
	at.expect(t, "READY=1\nSTATUS=Serving wg0")
	if !strings.Contains(logged.String(), `WG_PROCESS_NOTIFY_PID="nobody" is not a process`) {
		t.Errorf("logged %q", logged)
	}
}
