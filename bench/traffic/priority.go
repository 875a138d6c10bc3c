package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// comeFirst lets a relay, and what sends and receives flows, run before all ordinary processes, by the lowest real-time
// priority: what stands for a network or for a clock is not to wait for the programs that are measured. Threads that begin
// later inherit it. Without the right to do so, as in a sandbox of an ordinary user, it changes nothing.
func comeFirst(args []string) error {
	if len(args) == 0 || !slices.Contains([]string{"relay", "send", "receive"}, args[0]) {
		return nil
	}
	// What a relay carries is garbage at once: to collect it each few megabytes would cost more than to carry it.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(256 << 20)
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("cannot list the threads: %w", err)
	}
	for _, entry := range entries {
		thread, err := strconv.Atoi(entry.Name())
		if err != nil {
			return fmt.Errorf("cannot list the threads: %w", err)
		}
		_ = unix.SchedSetAttr(thread, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	}
	return nil
}
