package soak

import (
	"context"
	"testing"
	"time"
)

const (
	// maxInterval is the maximum time between two disturbances. A run has at least minSteps of them.
	maxInterval = 5 * time.Second
	minSteps    = 12
)

// mtus are the MTUs that the tunnels go through, in bytes. The first one nearly fills a datagram, the second is the
// minimum of IPv6.
var mtus = [...]int{65_000, 1280, 9000, 1420}

// disturb changes the MTU of both interfaces at every step. During the first third of the time it also forces a
// handshake at every step, from either end in turn. After that third the engine makes handshakes by itself, every two
// minutes.
func (s *trial) disturb(ctx context.Context, t *testing.T, length time.Duration) {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(min(maxInterval, length/minSteps))
	defer tick.Stop()
	end := time.After(length)
	var latest time.Time
	for step := 1; ; step++ {
		select {
		case <-tick.C:
		case <-end:
			return
		}
		s.setMTU(t, mtus[step%len(mtus)])
		initiator, responder := s.ends[step%2], s.ends[1-step%2]
		current, err := s.ends[0].latestHandshake(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !latest.IsZero() && current.After(latest) {
			s.ownHandshakes++
		}
		latest = current
		if step > 1 && time.Since(start) > length/3 {
			continue
		}
		if err := rekey(ctx, initiator, responder); err != nil {
			t.Fatal(err)
		}
		s.forcedHandshakes++
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
func rekey(ctx context.Context, initiator, responder *end) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	before, err := responder.latestHandshake(ctx)
	if err != nil {
		return err
	}
	if err := initiator.rekey(ctx, responder); err != nil {
		return err
	}
	return responder.awaitHandshake(ctx, before)
}
