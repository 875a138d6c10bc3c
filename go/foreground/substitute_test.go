package foreground

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asSubstitute names what this test's own program does when it is started again.
const asSubstitute = "WG_BRIDGE_TEST_SUBSTITUTE"

func TestMain(m *testing.M) {
	if os.Getenv(asSubstitute) == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(asSubstitute) == "other user" && syscall.Setreuid(-1, 65534) != nil {
		os.Exit(98)
	}
	s := findSubstitute(os.Getenv)
	switch os.Getenv(asSubstitute) {
	case "late":
		s.grace = time.Millisecond
		s.asked(unix.SIGTERM)
		select {} // as a tunnel that does not close
	case "failed", "other user":
		os.Exit(s.exitCode(errors.New("unused")))
	case "reported":
		StatusWriter{s}.WriteLine("ready wg0")
		StatusWriter{s}.WriteLine("closed: it broke")
		os.Exit(s.exitCode(errors.New("unused")))
	case "SIGHUP":
		s.asked(unix.SIGHUP)
		os.Exit(s.exitCode(nil))
	case "SIGINT":
		s.asked(unix.SIGINT)
		os.Exit(s.exitCode(nil))
	}
	os.Exit(99)
}

// again starts this test's own program with a reporter, and returns its exit code and output.
func again(t *testing.T, what, reporter string) (code int, output string) {
	t.Helper()
	command := exec.Command("/proc/self/exe")
	command.Env = append(os.Environ(), asSubstitute+"="+what, Reporter+"="+reporter)
	written, err := command.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(written)
}

// script is a reporter that prints its words, each in brackets, and whether it would report for others again.
const script = "/bin/sh\n-c\nprintf '[%s]' \"$@\" \"$" + Reporter + "\"; exit 7\nsh\na b"

func TestAReporterGetsTheLastLineOfStatusAndTheSignalThatDidNotEndTheTunnel(t *testing.T) {
	for what, want := range map[string]string{
		"failed":   "[a b][][][]",
		"reported": "[a b][closed: it broke][][]",
		"late":     "[a b][][SIGTERM][]",
	} {
		if code, output := again(t, what, script); code != 7 || output != want {
			t.Errorf("%s: exit %d, %q; want 7, %q", what, code, output, want)
		}
	}
}

func TestWithoutAReporterThatCanBeRunTheLineIsPrintedAsItIs(t *testing.T) {
	for what, want := range map[string]string{
		"reported": "wg-bridge: closed: it broke\n",
		"late":     "wg-bridge: the tunnel did not end by SIGTERM\n",
	} {
		if code, output := again(t, what, "/no/such/program"); code != ExitFailure || output != want {
			t.Errorf("%s: exit %d, %q; want %d, %q", what, code, output, ExitFailure, want)
		}
	}
}

func TestASignalThatAsksForNoOrderlyEndShowsInTheExitCode(t *testing.T) {
	for what, want := range map[string]int{"SIGHUP": 129, "SIGINT": 0} {
		if code, output := again(t, what, script); code != want || output != "" {
			t.Errorf("%s: exit %d, %q; want %d", what, code, output, want)
		}
	}
}

func TestAProgramThatReplacedNobodyEndsByItself(t *testing.T) {
	s := findSubstitute(func(string) string { return "" })
	if s != nil {
		t.Fatalf("findSubstitute = %v", s)
	}
	s.asked(unix.SIGHUP)
	if len(s.signals()) != 2 || s.exitCode(nil) != ExitSuccess || s.exitCode(errors.New("failed")) != ExitFailure {
		t.Errorf("%v, %d, %d", s.signals(), s.exitCode(nil), s.exitCode(errors.New("failed")))
	}
}

func TestAReporterIsNotRunWithPrivilegesThatItsUserLacks(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a process another effective user")
	}
	if code, output := again(t, "other user", script); code != ExitFailure || output != "" {
		t.Errorf("exit %d, %q; want %d", code, output, ExitFailure)
	}
}
