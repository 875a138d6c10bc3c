package soak

import (
	"context"
	"testing"
	"time"
)

const (
	// pace is the longest time between two disturbances; a short soak has quickSteps of them in each run.
	pace       = 5 * time.Second
	quickSteps = 12
)

// mtus are the MTUs that the tunnels go through, in bytes: the first one nearly what fits in a
// datagram, the next the smallest that IPv6 allows, and what lies between.
var mtus = [...]int{65_000, 1280, 9000, 1420}

// disturb changes the MTU of both interfaces step by step, and in the first third of the time also
// forces a new handshake with each, by one end and the other in turns. After that third WireGuard makes
// its handshakes itself, every two minutes.
func (s *trial) disturb(ctx context.Context, t *testing.T, length time.Duration) {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(min(pace, length/quickSteps))
	defer tick.Stop()
	over := time.After(length)
	var latest time.Time
	for step := 1; ; step++ {
		select {
		case <-tick.C:
		case <-over:
			return
		}
		s.setMTU(t, mtus[step%len(mtus)])
		one, other := s.ends[step%2], s.ends[1-step%2]
		now, err := s.ends[0].latestHandshake(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !latest.IsZero() && now.After(latest) {
			s.handshakes++
		}
		latest = now
		if step > 1 && time.Since(began) > length/3 {
			continue
		}
		if err := rekey(ctx, one, other); err != nil {
			t.Fatal(err)
		}
		s.rekeys++
		latest = time.Time{}
	}
}

func (s *trial) setMTU(t *testing.T, mtu int) {
	t.Helper()
	for _, end := range s.ends {
		end.setMTU(t, mtu)
	}
	s.mtuChanges++
}

// rekey makes a new session, and waits until both ends have it.
func rekey(ctx context.Context, one, other *end) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, err := other.latestHandshake(ctx)
	if err != nil {
		return err
	}
	if err := one.rekey(ctx, other); err != nil {
		return err
	}
	return other.awaitHandshake(ctx, before)
}
