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
	// heapMargin is how much the live heap may grow, in bytes. It is known in whole MiB only, and does not grow. If one
	// packet in a thousand leaked a buffer of the engine, it would grow by 8 MiB a minute in each of two processes.
	heapMargin = 2 << 20
	// residentMargin is how much a process may grow, in bytes, because it does not return memory to the system at
	// once. This limit is for leaks outside the Go heap, and counts in a long soak.
	residentMargin = 32 << 20
	// threadMargin is how many more threads the Go runtime may have started.
	threadMargin = 4
)

// resources are what a leak in a program would make more of.
type resources struct {
	descriptors int
	threads     int
	resident    int // bytes
	goroutines  int // 0 if the program cannot count them
	heap        int // bytes that are live after garbage collection
}

func (r resources) String() string {
	text := fmt.Sprintf("%d fds, %d threads, %.1f MiB resident, %.1f MiB of live heap",
		r.descriptors, r.threads, mebibytes(r.resident), mebibytes(r.heap))
	if r.goroutines > 0 {
		text += fmt.Sprintf(", %d goroutines", r.goroutines)
	}
	return text
}

func mebibytes(bytes int) float64 { return float64(bytes) / (1 << 20) }

func (p *program) resources(ctx context.Context, t *testing.T) resources {
	t.Helper()
	heap, err := p.garbage.liveHeapOf(ctx, p.runs)
	if err != nil {
		t.Fatal(err)
	}
	r := p.resourcesButHeap(t)
	r.heap = heap
	return r
}

// resourcesButHeap omits the live heap, which takes longer to measure.
func (p *program) resourcesButHeap(t *testing.T) (r resources) {
	t.Helper()
	if p.countsGoroutines {
		if _, err := fmt.Fprintln(p.input, "?"); err != nil {
			t.Fatal(err)
		}
		if !p.answers.Scan() {
			t.Fatalf("%s does not say how many goroutines it has: %v", p.command.Path, p.answers.Err())
		}
		var err error
		if r.goroutines, err = strconv.Atoi(p.answers.Text()); err != nil {
			t.Fatalf("%s answers %q: %v", p.command.Path, p.answers.Text(), err)
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
	r.descriptors, r.threads, r.resident = len(descriptors), field("Threads"), field("VmRSS")*1024
	return r
}

// samples is how many counts a minimum is taken of.
const samples = 10

// minResources takes the minimum of several counts, because one may include a connection that was just closed.
func (p *program) minResources(ctx context.Context, t *testing.T) resources {
	t.Helper()
	minimum := p.resources(ctx, t)
	for range samples {
		now := p.resourcesButHeap(t)
		minimum.descriptors = min(minimum.descriptors, now.descriptors)
		minimum.goroutines = min(minimum.goroutines, now.goroutines)
	}
	return minimum
}

// expectNoMore fails the test if the program uses more resources than before, that many packets ago. It gives whatever
// is ending time to end.
func (p *program) expectNoMore(ctx context.Context, t *testing.T, before resources, packets int) {
	t.Helper()
	deadline := time.Now().Add(settleTimeout)
	now := p.resources(ctx, t)
	for p.exceeds(now, before) && time.Now().Before(deadline) {
		now = p.resources(ctx, t)
	}
	t.Logf("%s: %v; %d packets later %v", p.command.Args, before, packets, now)
	if p.exceeds(now, before) {
		t.Errorf("%s leaks: it had %v, and has %v", p.command.Args, before, now)
	}
}

func (p *program) exceeds(now, before resources) bool {
	return now.descriptors > before.descriptors ||
		now.goroutines > before.goroutines ||
		now.threads > before.threads+threadMargin ||
		now.heap > before.heap+heapMargin ||
		p.shipped && now.resident > before.resident+residentMargin
}
