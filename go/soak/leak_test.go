package soak

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

const (
	// heapMargin is what the live heap may grow by, in bytes. It does not, and is told in whole MiB: one of
	// the engine's buffers lost in a thousand packets would be 8 MiB in a minute, in each of two processes.
	heapMargin = 2 << 20
	// residentMargin is what a process may grow by, in bytes: what it once had from the system, it does
	// not give back at once. It is for what is in no Go heap, and counts in a long soak.
	residentMargin = 32 << 20
	// threadMargin is how many threads more the Go runtime may have started.
	threadMargin = 4
)

// holdings are what a program has of what a leak would make more.
type holdings struct {
	descriptors int
	threads     int
	resident    int // bytes
	goroutines  int // 0 where it cannot tell
	heap        int // bytes that are live after garbage collection
}

func (h holdings) String() string {
	text := fmt.Sprintf("%d fds, %d threads, %.1f MiB resident, %.1f MiB of live heap",
		h.descriptors, h.threads, mebibytes(h.resident), mebibytes(h.heap))
	if h.goroutines > 0 {
		text += fmt.Sprintf(", %d goroutines", h.goroutines)
	}
	return text
}

func mebibytes(bytes int) float64 { return float64(bytes) / (1 << 20) }

func (p *program) holdings(ctx context.Context, t *testing.T) holdings {
	t.Helper()
	heap, err := p.garbage.liveHeapOf(ctx, p.name)
	if err != nil {
		t.Fatal(err)
	}
	h := p.count(t)
	h.heap = heap
	return h
}

// count is holdings without the live heap, which takes longer.
func (p *program) count(t *testing.T) (h holdings) {
	t.Helper()
	if p.asks {
		if _, err := fmt.Fprintln(p.input, "?"); err != nil {
			t.Fatal(err)
		}
		if !p.said.Scan() {
			t.Fatalf("%s does not tell what it holds: %v", p.command.Path, p.said.Err())
		}
		var err error
		if h.goroutines, err = strconv.Atoi(p.said.Text()); err != nil {
			t.Fatalf("%s tells %q: %v", p.command.Path, p.said.Text(), err)
		}
	}
	directory := fmt.Sprintf("/proc/%d", p.command.Process.Pid)
	descriptors, err := os.ReadDir(directory + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(directory + "/status")
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) int {
		found := regexp.MustCompile(name + `:\s+(\d+)`).FindSubmatch(status)
		if found == nil {
			t.Fatalf("%s/status has no %s", directory, name)
		}
		value, err := strconv.Atoi(string(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	h.descriptors, h.threads, h.resident = len(descriptors), field("Threads"), field("VmRSS")*1024
	return h
}

// looks is how often a count is taken of which the least is the right one.
const looks = 10

// leastHoldings looks some times: a connection that was just closed may still be counted.
func (p *program) leastHoldings(ctx context.Context, t *testing.T) holdings {
	t.Helper()
	least := p.holdings(ctx, t)
	for range looks {
		now := p.count(t)
		least.descriptors = min(least.descriptors, now.descriptors)
		least.goroutines = min(least.goroutines, now.goroutines)
	}
	return least
}

// expectNoMore fails the test if the program holds more than before, packets ago, once what is ending
// has ended.
func (p *program) expectNoMore(ctx context.Context, t *testing.T, before holdings, packets int) {
	t.Helper()
	deadline := time.Now().Add(settle)
	now := p.holdings(ctx, t)
	for p.exceeds(now, before) && time.Now().Before(deadline) {
		now = p.holdings(ctx, t)
	}
	t.Logf("%s: %v; %d packets later %v", p.command.Args, before, packets, now)
	if p.exceeds(now, before) {
		t.Errorf("%s holds more than before: %v, not %v", p.command.Args, now, before)
	}
}

func (p *program) exceeds(h, before holdings) bool {
	return h.descriptors > before.descriptors ||
		h.goroutines > before.goroutines ||
		h.threads > before.threads+threadMargin ||
		h.heap > before.heap+heapMargin ||
		p.shipped && h.resident > before.resident+residentMargin
}
