// Package testbed has what the Go tests share: the guard that keeps them off the host, the check that a test leaves
// nothing behind, commands and namespaces, and system calls that fail.
package testbed

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// timeout bounds each wait: for what is ending to be gone, and for whatever Wait waits for.
	timeout = 10 * time.Second
	// interval is the time between two checks of a condition.
	interval = 10 * time.Millisecond
)

// RequireSandbox skips the test unless it runs in scripts/sandbox. Call it in tests that make interfaces or sockets.
func RequireSandbox(t testing.TB) {
	t.Helper()
	if os.Getenv("WG_BRIDGE_SANDBOX") != "1" {
		t.Skip("makes network interfaces: run it in scripts/sandbox")
	}
}

// CheckLeaks fails the test if there are more goroutines at its end than now, or if the open files, or the interfaces
// and UAPI sockets whose names begin with prefix, differ. Packages are tested side by side, so each needs a prefix of
// its own.
func CheckLeaks(t testing.TB, prefix string) {
	t.Helper()
	goroutines, before := runtime.NumGoroutine(), resources(t, prefix)
	t.Cleanup(func() {
		deadline := time.Now().Add(timeout)
		for runtime.NumGoroutine() > goroutines && time.Now().Before(deadline) {
			runtime.Gosched()
		}
		if now := runtime.NumGoroutine(); now > goroutines {
			var stacks strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			t.Errorf("%d goroutines at the start, %d at the end:\n%s", goroutines, now, stacks.String())
		}
		after := resources(t, prefix)
		for !slices.Equal(before, after) && time.Now().Before(deadline) {
			time.Sleep(interval) // A program in the background removes its socket shortly after its interface.
			after = resources(t, prefix)
		}
		if !slices.Equal(before, after) {
			t.Errorf("resources at the start: %v\nand at the end: %v", before, after)
		}
	})
}

// resources lists the open files of this process, and the interfaces and UAPI sockets whose names begin with prefix.
func resources(t testing.TB, prefix string) []string {
	t.Helper()
	var found []string
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range descriptors {
		target, err := os.Readlink("/proc/self/fd/" + d.Name())
		if err == nil && !strings.HasPrefix(target, "/proc/") && !strings.HasPrefix(target, "anon_inode:[event") {
			found = append(found, strings.TrimRight(target, "0123456789[]"))
		}
	}
	for _, directory := range []string{"/sys/class/net/", "/run/wireguard/"} {
		paths, err := filepath.Glob(directory + prefix + "*")
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	slices.Sort(found)
	return found
}

// Run runs a command, returns its output, and fails the test if the command fails.
func Run(t testing.TB, command ...string) string {
	t.Helper()
	output, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, output)
	}
	return string(output)
}

// Namespace makes a network namespace called name, and removes it at the test's end.
func Namespace(t testing.TB, name string) {
	t.Helper()
	Run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { Run(t, "ip", "netns", "del", name) })
}

// Wait returns the next value of done, or the zero value once done is closed. It fails the test if neither happens in
// time; what names the awaited event.
func Wait[T any](t testing.TB, done <-chan T, what string) T {
	t.Helper()
	select {
	case value := <-done:
		return value
	case <-time.After(timeout):
		t.Fatalf("%s: not within %v", what, timeout)
		panic("unreachable")
	}
}
