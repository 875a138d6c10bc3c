package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
	"wg-bridge/go/uapi"
	"wg-bridge/go/udp"
)

func begin(t *testing.T) {
	t.Helper()
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgt")
}

func start(t *testing.T, name string) *Tunnel {
	t.Helper()
	files, err := Open(name, 0, Given{})
	if err != nil {
		t.Fatal(err)
	}
	log := func(format string, arguments ...any) {}
	tunnel, err := Start(files, AllFeatures, Log{log, log})
	if err != nil {
		t.Fatal(err)
	}
	return tunnel
}

func expectEnd(t *testing.T, tunnel *Tunnel, want End) {
	t.Helper()
	testbed.Wait(t, tunnel.Done(), "the tunnel's end")
	if end, err := tunnel.End(); end != want || err != nil {
		t.Errorf("End = %s, %v; want %s", end, err, want)
	}
}

func TestATunnelAnswersWgFromItsStartAndLeavesNothingBehind(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	if shown := testbed.Run(t, "wg", "show", "wgt0", "dump"); !strings.HasPrefix(shown, "(none)\t(none)") {
		t.Errorf("wg show: %q", shown)
	}
	testbed.Run(t, "ip", "link", "set", "wgt0", "up")
	if err := tunnel.Close(); err != nil {
		t.Error(err)
	}
	expectEnd(t, tunnel, Closed)
}

func TestFiftyTunnelsOneAfterAnotherLeaveNothingBehind(t *testing.T) {
	begin(t)
	for range 50 {
		tunnel := start(t, "wgt0")
		testbed.Run(t, "ip", "link", "set", "wgt0", "up")
		if err := tunnel.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDeletingTheInterfaceEndsTheTunnel(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	testbed.Run(t, "ip", "link", "del", "wgt0")
	expectEnd(t, tunnel, InterfaceDeleted)
}

func TestAnInterfaceThatCannotBeReadEndsTheTunnelAndIsNotCalledDeleted(t *testing.T) {
	for descriptor, errno := range map[int]unix.Errno{720: unix.EINVAL, 721: unix.EBADFD, 722: unix.EIO} {
		t.Run(errno.Error(), func(t *testing.T) { expectInterfaceFailed(t, descriptor, errno) })
	}
}

func expectInterfaceFailed(t *testing.T, descriptor int, errno unix.Errno) {
	begin(t)
	files, err := Open("wgt0", 0, Given{})
	if err != nil {
		t.Fatal(err)
	}
	duplicate, err := unix.FcntlInt(files.TUN.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err = errors.Join(err, files.TUN.Close(), unix.SetNonblock(duplicate, true)); err != nil {
		t.Fatal(err)
	}
	testbed.Descriptor(t, duplicate, descriptor)
	testbed.Refuse(t, errno, unix.SYS_READ, testbed.Argument{Index: 0, Value: uint32(descriptor)})
	files.TUN = os.NewFile(uintptr(descriptor), "TUN")
	log, errorf := keepErrors()
	tunnel, err := Start(files, AllFeatures, log)
	if err != nil {
		t.Fatal(err)
	}
	testbed.Wait(t, tunnel.Done(), "the tunnel's end")
	if end, err := tunnel.End(); end != InterfaceFailed || !errors.Is(err, errno) {
		t.Errorf("End = %s, %v", end, err)
	}
	errorf.expect(t, "interface-failed: reading from the interface wgt0")
}

// loggedErrors are the lines of a log at error level.
type loggedErrors struct {
	mu    sync.Mutex
	lines []string
}

func keepErrors() (Log, *loggedErrors) {
	kept := &loggedErrors{}
	return Log{
		Verbosef: func(string, ...any) {},
		Errorf: func(format string, arguments ...any) {
			kept.mu.Lock()
			defer kept.mu.Unlock()
			kept.lines = append(kept.lines, fmt.Sprintf(format, arguments...))
		},
	}, kept
}

func (l *loggedErrors) expect(t *testing.T, text string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if all := strings.Join(l.lines, "\n"); !strings.Contains(all, text) {
		t.Errorf("the log says %q, and not %q", all, text)
	}
}

func TestATunnelThatIsDeafEndsAndSaysSo(t *testing.T) {
	begin(t)
	files, err := Open("wgt0", 0, Given{})
	if err != nil {
		t.Fatal(err)
	}
	log, errorf := keepErrors()
	tunnel, err := Start(files, AllFeatures, log)
	if err != nil {
		t.Fatal(err)
	}
	testbed.Run(t, "ip", "link", "set", "wgt0", "up")
	for range 2 { // one for each address family
		tunnel.withFailureHooks(udp.Config{}).Failed(unix.EIO)
	}
	testbed.Wait(t, tunnel.Done(), "the tunnel's end")
	if end, err := tunnel.End(); end != BindFailed || !errors.Is(err, unix.EIO) {
		t.Errorf("End = %s, %v", end, err)
	}
	errorf.expect(t, "bind-failed: UDP bind of wgt0")
}

func TestRemovingTheSocketEndsTheTunnel(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	if err := os.Remove(uapi.Path("wgt0")); err != nil {
		t.Fatal(err)
	}
	expectEnd(t, tunnel, SocketRemoved)
}

func TestANameCanBeUsedAgainAtOnceAfterItsInterfaceWasDeleted(t *testing.T) {
	begin(t)
	for range 20 {
		first := start(t, "wgt0")
		testbed.Run(t, "ip", "link", "del", "wgt0")
		second := start(t, "wgt0")
		expectEnd(t, first, InterfaceDeleted)
		if _, err := ask(second, "get=1\n\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(uapi.Path("wgt0")); err != nil {
			t.Fatalf("the first tunnel took the second's socket along: %v", err)
		}
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConnectionsThatAreOpenDoNotHoldUpTheEnd(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	idle, err := net.Dial("unix", uapi.Path("wgt0"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	half, err := net.Dial("unix", uapi.Path("wgt0"))
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	if _, err := half.Write([]byte("set=1\nlisten_port=")); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- tunnel.Close() }()
	if err := testbed.Wait(t, closed, "Close"); err != nil {
		t.Error(err)
	}
}

func TestCloseMayBeCalledByManyAtOnce(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			if err := tunnel.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
}

func TestASocketInUseLeavesNoInterfaceBehind(t *testing.T) {
	begin(t)
	testbed.Namespace(t, "elsewhere")
	tunnel := start(t, "wgt0")
	testbed.Run(t, "ip", "link", "set", "wgt0", "netns", "elsewhere") // the name is free here, the socket is not
	if _, err := Open("wgt0", 0, Given{}); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("Open = %v, want EADDRINUSE", err)
	}
	if err := tunnel.Close(); err != nil {
		t.Error(err)
	}
}

func TestASocketThatIsGoneBeforeTheStartLeavesNothingBehind(t *testing.T) {
	begin(t)
	files, err := Open("wgt0", 0, Given{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(uapi.Path("wgt0")); err != nil {
		t.Fatal(err)
	}
	log := func(string, ...any) {}
	if _, err := Start(files, AllFeatures, Log{log, log}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("Start = %v, want ENOENT", err)
	}
}

func TestExchangeAnswersLikeTheSocket(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	defer tunnel.Close()
	key := strings.Repeat("a1", 32)
	for request, want := range map[string]string{
		"set=1\nprivate_key=" + key + "\nfwmark=7\n\n": "errno=0\n\n",
		"set=1\nlisten_port=nonsense\n\n":              "errno=-22\n\n",
		"set=1\nno equals sign\n\n":                    "errno=-71\n\n",
	} {
		answer, err := ask(tunnel, request)
		if err != nil || answer != want {
			t.Errorf("%q: %q, %v; want %q", request, answer, err, want)
		}
	}
	answer, err := ask(tunnel, "get=1\n\n")
	if err != nil || !strings.HasSuffix(answer, "fwmark=7\nerrno=0\n\n") {
		t.Errorf("get: %q, %v", answer, err)
	}
}

// ask is Exchange with texts.
func ask(t *Tunnel, request string) (string, error) {
	answer := make([]byte, 4096)
	n, err := t.Exchange([]byte(request), answer)
	return string(answer[:n]), err
}

func TestExchangeRefusesWhatIsNotOneWholeRequestAndDoesNothingOfIt(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	defer tunnel.Close()
	for _, request := range []string{
		"", "\n", "\n\n", "get=1", "get=1\n", "get=2\n\n", "get=1\nx\n\n", "get=1\n\nget=1\n\n",
		"set=1", "set=1\n", "set=1\nfwmark=8\n", "set=1\n\n\n", "set=1\n\nfwmark=8\n\n",
		"set=1\nfwmark=8\n\nset=1\nfwmark=9\n\n", "set=1\nfwmark=8\n\r\nfwmark=9\n\n", "set=1\nfwmark=8\n\nx",
	} {
		if answer, err := ask(tunnel, request); !errors.Is(err, unix.EPROTO) || answer != "" {
			t.Errorf("%q: %q, %v; want EPROTO", request, answer, err)
		}
	}
	if answer, err := ask(tunnel, "get=1\n\n"); err != nil || answer != "errno=0\n\n" {
		t.Errorf("then: %q, %v; want nothing set", answer, err)
	}
	if answer, err := ask(tunnel, "set=1\n\n"); err != nil || answer != "errno=0\n\n" {
		t.Errorf("an empty set: %q, %v", answer, err)
	}
}

func TestAnAnswerThatDoesNotFitLeavesNothingInTheBuffer(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	defer tunnel.Close()
	if _, err := ask(tunnel, "set=1\nprivate_key="+strings.Repeat("a1", 32)+"\n\n"); err != nil {
		t.Fatal(err)
	}
	whole, err := ask(tunnel, "get=1\n\n")
	if err != nil {
		t.Fatal(err)
	}
	answer := bytes.Repeat([]byte{'x'}, len(whole)-1)
	if n, err := tunnel.Exchange([]byte("get=1\n\n"), answer); n != 0 || !errors.Is(err, unix.ERANGE) {
		t.Errorf("%d, %v; want ERANGE", n, err)
	}
	if bytes.Contains(answer, []byte("a1a1")) {
		t.Errorf("a part of the answer is left: %q", answer)
	}
	if n, err := tunnel.Exchange([]byte("get=1\n\n"), make([]byte, len(whole))); n != len(whole) || err != nil {
		t.Errorf("into just enough: %d, %v", n, err)
	}
}

func TestExchangeOnAnEndedTunnelFailsAtOnce(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	if err := tunnel.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(tunnel, "get=1\n\n"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("Exchange = %v, want ENODEV", err)
	}
}
