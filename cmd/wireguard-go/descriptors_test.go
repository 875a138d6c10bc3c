package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wg-bridge/go/foreground"
	"wg-bridge/go/testbed"
	"wg-bridge/go/uapi"
)

// maxDescriptors is a limit of open files with which the program works for certain.
const maxDescriptors = 24

// limited returns a run of the program that may have only so many descriptors, and the reading end of what it
// reports on its status descriptor.
func limited(t *testing.T, descriptors int, arguments ...string) (command *exec.Cmd, output *bytes.Buffer, status *os.File) {
	t.Helper()
	status, childEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { status.Close() })
	script := "ulimit -n " + strconv.Itoa(descriptors) + ` && exec "$0" "$@"`
	command = exec.Command("bash", append([]string{"-c", script, string(program)}, arguments...)...)
	command.Env = append(os.Environ(), "WG_PROCESS_STATUS_FD=3")
	command.ExtraFiles = []*os.File{childEnd}
	output = new(bytes.Buffer)
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	childEnd.Close()
	return command, output, status
}

// expectWorking fails the test unless wgx0 can be set up, and then listens on a port.
func expectWorking(t *testing.T, descriptors int) {
	t.Helper()
	testbed.Run(t, "ip", "link", "set", "wgx0", "up")
	testbed.Run(t, "wg", "set", "wgx0", "listen-port", "52999")
	if port := testbed.Run(t, "wg", "show", "wgx0", "listen-port"); port != "52999\n" {
		t.Errorf("%d descriptors: listens on %q", descriptors, port)
	}
}

// expectOneLine fails the test unless the program has ended with 1 and one line, on its status descriptor.
func expectOneLine(t *testing.T, descriptors, code int, output, lines string) {
	t.Helper()
	one := strings.Count(lines, "\n") == 1 && strings.HasPrefix(lines, "WG_BRIDGE_RESOURCES 24: ")
	if code != foreground.ExitFailure || !one || !strings.HasSuffix(lines, "too many open files\n") || output != "" {
		t.Errorf("%d descriptors: exit %d, %q, status %q; want 1 and one line of status", descriptors, code, output, lines)
	}
}

// rest returns what can still be read.
func rest(t *testing.T, file *os.File) string {
	t.Helper()
	read, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(read)
}

func TestWithAnyLimitOfDescriptorsItWorksOrFailsWithOneLine(t *testing.T) {
	begin(t)
	works := 0
	for descriptors := range maxDescriptors + 1 {
		command, output, status := limited(t, descriptors, "-f", "wgx0")
		first := make([]byte, len("ready wgx0\n"))
		n, _ := io.ReadFull(status, first)
		if string(first[:n]) == "ready wgx0\n" {
			works++
			expectWorking(t, descriptors)
			if err := command.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		_ = command.Wait() // the exit code says it
		if string(first) != "ready wgx0\n" {
			expectOneLine(t, descriptors, command.ProcessState.ExitCode(), output.String(), string(first[:n])+rest(t, status))
		} else if output.Len() > 0 || command.ProcessState.ExitCode() != foreground.ExitSuccess {
			t.Errorf("%d descriptors: %v, %q", descriptors, command.ProcessState, output)
		}
	}
	if works == 0 || works > maxDescriptors/2 {
		t.Errorf("works with %d of %d limits", works, maxDescriptors+1)
	}
}

// expectGone waits until there is nothing at path.
func expectGone(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			return
		}
	}
	t.Errorf("%s is left", path)
}

func TestInTheBackgroundWithAnyLimitOfDescriptorsItWorksOrFailsWithOneLine(t *testing.T) {
	begin(t)
	works := 0
	for descriptors := range maxDescriptors + 1 {
		command, output, status := limited(t, descriptors, "wgx0")
		_ = command.Wait()
		if code := command.ProcessState.ExitCode(); code != foreground.ExitSuccess {
			expectOneLine(t, descriptors, code, output.String(), rest(t, status))
			continue
		}
		works++
		expectWorking(t, descriptors)
		testbed.Run(t, "ip", "link", "del", "wgx0")
		expectGone(t, uapi.Path("wgx0"))
	}
	if works == 0 || works > maxDescriptors/2 {
		t.Errorf("works with %d of %d limits", works, maxDescriptors+1)
	}
}
