package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/foreground"
	"wg-bridge/go/testbed"
)

var program testbed.Program

func TestMain(m *testing.M) { os.Exit(testbed.RunWithProgram(m, &program)) }

// linked returns the packages that the program links.
func linked(t *testing.T) []string {
	t.Helper()
	list := exec.Command("go", "list", "-deps", ".")
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(output))
}

func TestItLinksNothingThatOnlyAUserspaceNetworkNeeds(t *testing.T) {
	packages := linked(t)
	if !slices.Contains(packages, "wg-bridge/go/tunnel") {
		t.Fatalf("packages %q", packages)
	}
	for _, name := range packages {
		for _, unwanted := range []string{
			"gvisor.dev", "net/http", "wg-bridge/go/netstack", "wg-bridge/go/proxy", "wg-bridge/go/resolve",
			"wg-bridge/go/station", "wg-bridge/go/userspace",
		} {
			if name == unwanted || strings.HasPrefix(name, unwanted+"/") {
				t.Errorf("it links %s", name)
			}
		}
	}
}

func begin(t *testing.T) {
	t.Helper()
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgx")
}

func TestWithoutForegroundItReturnsOnlyOnceTheInterfaceCanBeConfiguredAndMoved(t *testing.T) {
	begin(t)
	testbed.Namespace(t, "wgx")
	for range 20 {
		if code, output := program.Run(t, nil, nil, "wgx0"); code != foreground.ExitSuccess || output != "" {
			t.Fatalf("exit %d, %q", code, output)
		}
		testbed.Run(t, "ip", "link", "set", "wgx0", "netns", "wgx")
		testbed.Run(t, "wg", "set", "wgx0", "fwmark", "7")
		testbed.Run(t, "ip", "-n", "wgx", "link", "del", "wgx0")
	}
}

func TestAFailureIsPrintedWithItsCauseAndLeavesNothingBehind(t *testing.T) {
	begin(t)
	for name, cause := range map[string]string{
		"lo":                "exists already",
		"wgx/0":             "holds '/'",
		"wgx0 ":             "white space",
		"wgx56789012345678": "17 bytes long",
		"":                  "is empty",
	} {
		for _, arguments := range [][]string{{name}, {"-f", name}} {
			code, output := program.Run(t, nil, nil, arguments...)
			if code != foreground.ExitFailure || !strings.HasPrefix(output, "ERROR: ("+name+") ") || !strings.Contains(output, cause) {
				t.Errorf("%q: exit %d, %q; want 1 and %q", arguments, code, output, cause)
			}
		}
	}
}

func TestAFailureOfTheChildIsPrintedByItsParentAndLeavesNothingBehind(t *testing.T) {
	begin(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	code, output := program.Run(t, []string{"WG_UAPI_FD=3"}, []*os.File{null}, "wgx0") // no socket: found out by the child
	if code != foreground.ExitFailure || !strings.Contains(output, "running in the background: listening on the file given as UAPI socket") {
		t.Errorf("exit %d, %q", code, output)
	}
}

func TestInTheBackgroundTheStatusDescriptorGetsTheNameOfTheInterface(t *testing.T) {
	begin(t)
	if lines, output := program.RunWithStatus(t, nil, "wgx0"); lines != "ready wgx0\n" || output != "" {
		t.Errorf("status %q, output %q", lines, output)
	}
	testbed.Run(t, "ip", "link", "del", "wgx0")
}

func TestAFailureIsOnTheStatusDescriptorWithItsCodeAndNotInTheLogAsWell(t *testing.T) {
	begin(t)
	for want, start := range map[string]struct {
		environment []string
		name        string
	}{
		"WG_BRIDGE_INTERFACE_EXISTS 16: interface lo exists already: device or resource busy\n": {nil, "lo"},
		"WG_BRIDGE_INTERFACE_NAME 22: interface name \"a/b\" holds '/', ':' or NUL":             {nil, "a/b"},
		"WG_BRIDGE_VALUE 9: WG_TUN_FD=77 is not an open file descriptor: bad file":              {[]string{"WG_TUN_FD=77"}, "wgx0"},
		"WG_BRIDGE_VALUE 22: the file given as TUN is ":                                         {[]string{"WG_TUN_FD=0"}, "wgx0"},
		"WG_BRIDGE_FEATURE_UNKNOWN 22: WG_BRIDGE_DISABLE: there is no feature \"x\" to ":        {[]string{"WG_BRIDGE_DISABLE=x"}, "wgx0"},
	} {
		for _, arguments := range [][]string{{start.name}, {"-f", start.name}} {
			lines, output := program.RunWithStatus(t, start.environment, arguments...)
			if !strings.HasPrefix(lines, want) || strings.Count(lines, "\n") != 1 || output != "" {
				t.Errorf("%q: status %q, output %q; want %q", arguments, lines, output, want)
			}
		}
	}
}

func TestADescriptorThatIsNotOpenIsNamedAndNoFailureIsSilent(t *testing.T) {
	begin(t)
	for _, variable := range []string{"WG_TUN_FD", "WG_UAPI_FD", "WG_PROCESS_STATUS_FD"} {
		for _, arguments := range [][]string{{"wgx0"}, {"-f", "wgx0"}} {
			code, output := program.Run(t, []string{variable + "=77"}, nil, arguments...)
			if code != foreground.ExitFailure || !strings.Contains(output, variable+"=77 is not an open file descriptor") {
				t.Errorf("%s, %q: exit %d, %q", variable, arguments, code, output)
			}
		}
	}
}

func TestAnUnknownFeatureIsToldWithTheKnownOnesAndNothingIsStarted(t *testing.T) {
	begin(t)
	for _, arguments := range [][]string{{"wgx0"}, {"-f", "wgx0"}} {
		code, output := program.Run(t, []string{"WG_BRIDGE_DISABLE=tso4,tos6"}, nil, arguments...)
		const cause = `WG_BRIDGE_DISABLE: there is no feature "tos6" to disable: name some of tso4, `
		if code != foreground.ExitFailure || !strings.HasPrefix(output, "ERROR: (wgx0) ") || !strings.Contains(output, cause) {
			t.Errorf("%q: exit %d, %q", arguments, code, output)
		}
	}
}

func TestWhatIsDisabledReachesTheTunnelInTheBackgroundToo(t *testing.T) {
	begin(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	command := program.Command("wgx0")
	command.Env = append(os.Environ(), "LOG_LEVEL=verbose", "WG_BRIDGE_DISABLE=udp-gro,uso")
	command.Stdout = writer
	if err := errors.Join(command.Run(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	testbed.Run(t, "ip", "link", "del", "wgx0")
	if log, err := io.ReadAll(reader); err != nil || !strings.Contains(string(log), "Disabled: uso,udp-gro\n") {
		t.Errorf("log %q, %v", log, err)
	}
}

func TestSignalsEndItWell(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			begin(t)
			command, status := startForeground(t)
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			testbed.ExpectEnd(t, command, status, "closed")
		})
	}
}

func TestTheStatusDescriptorIsToldWhyTheTunnelEnded(t *testing.T) {
	begin(t)
	command, status := startForeground(t)
	testbed.Run(t, "ip", "link", "del", "wgx0")
	testbed.ExpectEnd(t, command, status, "interface-deleted")
}

// startForeground starts the program and returns what it says of its status after "ready". It gets
// the lifeline, if there is one.
func startForeground(t *testing.T, lifeline ...*os.File) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	status, childEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { status.Close() })
	command := program.Command("-f", "wgx0")
	command.Env = append(os.Environ(), "WG_PROCESS_STATUS_FD=3")
	command.ExtraFiles = append([]*os.File{childEnd}, lifeline...)
	if len(lifeline) > 0 {
		command.Env = append(command.Env, "WG_PROCESS_LIFELINE_FD=4")
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	childEnd.Close()
	lines := bufio.NewReader(status)
	if ready, err := lines.ReadString('\n'); ready != "ready wgx0\n" || err != nil {
		t.Fatalf("status %q, %v", ready, err)
	}
	return command, lines
}

func TestItEndsWhenTheOtherEndOfItsLifelineIsGone(t *testing.T) {
	begin(t)
	lifeline, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer lifeline.Close()
	command, status := startForeground(t, lifeline)
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	testbed.ExpectEnd(t, command, status, "closed")
}

func TestInTheBackgroundItHasNoLifeline(t *testing.T) {
	begin(t)
	lifeline, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	program.Run(t, []string{"WG_PROCESS_LIFELINE_FD=3"}, []*os.File{lifeline}, "wgx0")
	lifeline.Close()
	held.Close()
	testbed.Run(t, "wg", "show", "wgx0")
	testbed.Run(t, "ip", "link", "del", "wgx0")
}

func TestTheStatusDescriptorIsToldTheNameThatTheKernelChose(t *testing.T) {
	begin(t)
	testbed.Run(t, "ip", "tuntap", "add", "wgx0", "mode", "tun")
	defer testbed.Run(t, "ip", "tuntap", "del", "wgx0", "mode", "tun")
	status, childEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer status.Close()
	program.Run(t, []string{"WG_PROCESS_STATUS_FD=3"}, []*os.File{childEnd}, "wgx%d")
	childEnd.Close()
	if told, err := io.ReadAll(status); string(told) != "ready wgx1\n" || err != nil {
		t.Errorf("told %q, %v", told, err)
	}
	testbed.Run(t, "ip", "link", "del", "wgx1")
}

func TestItOutlivesTheReaderOfItsLog(t *testing.T) {
	begin(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := program.Command("wgx0")
	command.Env = append(os.Environ(), "LOG_LEVEL=verbose")
	command.Stdout = writer
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	reader.Close()
	for range 3 {
		testbed.Run(t, "wg", "set", "wgx0", "fwmark", "7") // each writes to the log
	}
	testbed.Run(t, "ip", "link", "del", "wgx0")
}

func TestAWrongNumberOfArgumentsPrintsTheUsageAndIsNoFailure(t *testing.T) {
	for _, arguments := range [][]string{{}, {"-f"}, {"wgx0", "wgx1"}, {"-f", "wgx0", "wgx1"}, {"wgx0", "-f"}} {
		if code, output := program.Run(t, nil, nil, arguments...); code != foreground.ExitSuccess || !strings.HasPrefix(output, "Usage: ") {
			t.Errorf("%q: exit %d, %q", arguments, code, output)
		}
	}
}

func TestALogThatNobodyReadsHoldsUpNothing(t *testing.T) {
	begin(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	size, err := unix.FcntlInt(writer.Fd(), unix.F_SETPIPE_SZ, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write(make([]byte, size)); err != nil { // There is no room for a line.
		t.Fatal(err)
	}
	status, childEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer status.Close()
	command := program.Command("-f", "wgx0")
	command.Env = append(os.Environ(), "LOG_LEVEL=verbose", "WG_PROCESS_STATUS_FD=3")
	command.Stdout, command.ExtraFiles = writer, []*os.File{childEnd}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writer.Close(), childEnd.Close()); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(status).ReadString('\n'); line != "ready wgx0\n" {
		t.Errorf("told %q, %v", line, err)
	}
	testbed.Run(t, "wg", "set", "wgx0", "fwmark", "7") // It is logged.
	if err := command.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	if err := testbed.Wait(t, ended, "the end"); err != nil {
		t.Error(err)
	}
}
