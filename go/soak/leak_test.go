package soak

import (
	"context"
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
