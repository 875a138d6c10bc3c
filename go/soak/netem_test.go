package soak

import (
	"os/exec"
	"strings"
	"testing"
)

// impairLoopback makes the kernel impair loopback as well, over which the relay and the tunnels talk,
// until the test's end; where this kernel can.
func impairLoopback(t *testing.T) {
	t.Helper()
	netem := strings.Fields("tc qdisc add dev lo root netem limit 10000 delay 1ms 500us loss 0.2% duplicate 0.2% reorder 99%")
	if output, err := exec.Command(netem[0], netem[1:]...).CombinedOutput(); err != nil {
		t.Logf("The kernel has no netem, so the relay alone impairs: %v: %s", err, strings.TrimSpace(string(output)))
		return
	}
	t.Log("netem impairs loopback as well.")
	t.Cleanup(func() {
		if output, err := exec.Command("tc", "qdisc", "del", "dev", "lo", "root").CombinedOutput(); err != nil {
			t.Errorf("taking netem away: %v: %s", err, output)
		}
	})
}
