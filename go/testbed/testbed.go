// Package testbed is what the Go tests share: the guard that keeps them off the host, and the check
// that a test leaves nothing behind.
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

// settle bounds how long what is ending may take to be gone.
const settle = 10 * time.Second

// pause lies between two looks at what is ending.
const pause = 10 * time.Millisecond

// RequireSandbox skips the test unless it runs in scripts/sandbox: it makes interfaces and sockets.
func RequireSandbox(t testing.TB) {
	t.Helper()
	if os.Getenv("WG_BRIDGE_SANDBOX") != "1" {
		t.Skip("makes network interfaces: run it in scripts/sandbox")
	}
}

// CheckLeaks fails the test if at its end there are more goroutines than now, or other open files, or
// other interfaces and UAPI sockets whose names begin with prefix. Packages are tested side by side:
// give each a prefix of its own.
func CheckLeaks(t testing.TB, prefix string) {
	t.Helper()
	goroutines, before := runtime.NumGoroutine(), holdings(t, prefix)
	t.Cleanup(func() {
		deadline := time.Now().Add(settle)
		for runtime.NumGoroutine() > goroutines && time.Now().Before(deadline) {
			runtime.Gosched()
		}
		if now := runtime.NumGoroutine(); now > goroutines {
			var stacks strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			t.Errorf("%d goroutines at the start, %d at the end:\n%s", goroutines, now, stacks.String())
		}
		after := holdings(t, prefix)
		for !slices.Equal(before, after) && time.Now().Before(deadline) {
			time.Sleep(pause) // A program in the background removes its socket a moment after its interface has gone.
			after = holdings(t, prefix)
		}
		if !slices.Equal(before, after) {
			t.Errorf("left behind:\nbefore %v\nafter  %v", before, after)
		}
	})
}

// holdings lists what this process holds open, and the interfaces and UAPI sockets of the prefix.
func holdings(t testing.TB, prefix string) []string {
	t.Helper()
	var held []string
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range descriptors {
		target, err := os.Readlink("/proc/self/fd/" + d.Name())
		if err == nil && !strings.HasPrefix(target, "/proc/") && !strings.HasPrefix(target, "anon_inode:[event") {
			held = append(held, strings.TrimRight(target, "0123456789[]"))
		}
	}
	for _, directory := range []string{"/sys/class/net/", "/run/wireguard/"} {
		paths, err := filepath.Glob(directory + prefix + "*")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, paths...)
	}
	slices.Sort(held)
	return held
}

// Run runs a command and fails the test unless it succeeds.
func Run(t testing.TB, command ...string) string {
	t.Helper()
	output, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, output)
	}
	return string(output)
}

// Namespace makes a network namespace called name for the length of the test.
func Namespace(t testing.TB, name string) {
	t.Helper()
	Run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { Run(t, "ip", "netns", "del", name) })
}

// Wait fails the test unless done is closed, or a value comes, in time.
func Wait[T any](t testing.TB, done <-chan T, what string) T {
	t.Helper()
	select {
	case value := <-done:
		return value
	case <-time.After(settle):
		t.Fatalf("%s: not within %v", what, settle)
		panic("unreachable")
	}
}
