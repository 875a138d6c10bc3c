package udp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
)

// timeout bounds every wait of these tests. Reaching it is a failure.
const timeout = 20 * time.Second

// A namespace is a network namespace for one test, on a thread that never leaves it and ends with the test. Nothing
// here can reach the namespace in which the test process was started.
type namespace struct {
	work   chan func()
	thread int
}

// newNamespace makes a network namespace with a loopback interface that is up. If the system forbids that, it skips
// the test.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	n := &namespace{work: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // Never unlocked: the thread ends with the goroutine.
		n.thread = unix.Gettid()
		err := leaveHostNamespace()
		made <- err
		if err != nil {
			return
		}
		for f := range n.work {
			f()
		}
	}()
	if err := <-made; errors.Is(err, unix.EPERM) {
		t.Skipf("this needs a network namespace of its own, run it by scripts/sandbox: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(n.work) })
	// Interfaces would give themselves IPv6 addresses, and announce that at any time.
	n.sysctl(t, "ipv6/conf/default/addr_gen_mode", "1")
	n.ip(t, "link set lo up")
	return n
}

func leaveHostNamespace() error {
	before, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	after, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	if before == after {
		return fmt.Errorf("still in the namespace %s after unshare", after)
	}
	return nil
}

// run calls f on the namespace's thread.
func (n *namespace) run(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	n.work <- func() { done <- f() }
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// ip runs ip(8) in the namespace, once for each line.
func (n *namespace) ip(t *testing.T, lines ...string) {
	t.Helper()
	n.ipBatch(t, lines)
}

// ip6 is ip for commands that do not show their address family.
func (n *namespace) ip6(t *testing.T, lines ...string) {
	t.Helper()
	n.ipBatch(t, lines, "-6")
}

func (n *namespace) ipBatch(t *testing.T, lines []string, options ...string) {
	t.Helper()
	command := exec.Command("ip", append(options, "-batch", "-")...)
	command.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	n.run(t, func() error {
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("ip %q: %w: %s", lines, err, output)
		}
		return waitUntilInUse(lines)
	})
}

// waitUntilInUse waits for the IPv6 addresses that lines add. Even without duplicate address detection the kernel
// needs a while, and meanwhile drops what arrives for them.
func waitUntilInUse(lines []string) error {
	var routes []string
	for _, line := range lines {
		words := strings.Fields(line) // addr add ADDRESS/LENGTH dev NAME nodad
		if slices.Contains(words, "nodad") {
			address, _, _ := strings.Cut(words[2], "/")
			routes = append(routes, "local "+address+" dev "+words[4]+" ")
		}
	}
	for deadline := time.Now().Add(timeout); len(routes) > 0; {
		if time.Now().After(deadline) {
			return fmt.Errorf("these addresses do not come into use: %q", routes)
		}
		table, err := exec.Command("ip", "-6", "route", "show", "table", "local").CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip route show: %w: %s", err, table)
		}
		routes = slices.DeleteFunc(routes, func(route string) bool { return strings.Contains(string(table), route) })
	}
	return nil
}

// sysctl sets one of the namespace's parameters, a path below /proc/sys/net.
func (n *namespace) sysctl(t *testing.T, path, value string) {
	t.Helper()
	n.run(t, func() error { return os.WriteFile("/proc/sys/net/"+path, []byte(value), 0) })
}

// connect joins two namespaces with pairs of interfaces, each pair with one name, and waits until packets can
// pass.
func connect(t *testing.T, one, other *namespace, names ...string) {
	t.Helper()
	for _, name := range names {
		one.ip(t, fmt.Sprintf("link add %s type veth peer name %s netns %d", name, name, other.thread),
			"link set "+name+" up")
		other.ip(t, "link set "+name+" up")
	}
	for _, name := range names {
		one.run(t, func() error { return waitUntilUp(name) })
		other.run(t, func() error { return waitUntilUp(name) })
	}
}

// aloneInterface makes an interface without a peer.
func (n *namespace) aloneInterface(t *testing.T, name string) {
	t.Helper()
	n.ip(t, fmt.Sprintf("link add %s type veth peer name %s-end", name, name),
		"link set "+name+" up", "link set "+name+"-end up")
	n.run(t, func() error { return waitUntilUp(name) })
}

// waitUntilUp waits for the operational state: interfaces drop packets for a while before it is up.
func waitUntilUp(name string) error {
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); {
		state, err := exec.Command("ip", "-oneline", "link", "show", "dev", name).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip link show: %w: %s", err, state)
		}
		if strings.Contains(string(state), " state UP ") {
			return nil
		}
	}
	return fmt.Errorf("%s does not come up", name)
}

// refuse makes the kernel fail a system call of the namespace's thread with errno if its argument index is value.
func (n *namespace) refuse(t *testing.T, call uint32, index int, value uint32, errno unix.Errno) {
	t.Helper()
	n.run(t, func() error {
		return testbed.RefuseOnThread(errno, call, testbed.Argument{Index: index, Value: value})
	})
}

// refuseAll makes the kernel fail a system call of the namespace's thread with errno, whatever its arguments are.
func (n *namespace) refuseAll(t *testing.T, call uint32, errno unix.Errno) {
	t.Helper()
	n.run(t, func() error { return testbed.RefuseOnThread(errno, call) })
}
