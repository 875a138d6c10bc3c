// Package soak runs tunnels for a long time over a link that loses, duplicates, reorders and damages datagrams, while
// their sessions and MTUs change, and checks that no byte is lost and nothing leaks.
package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"wg-bridge/go/foreground"
	"wg-bridge/go/testbed"
)

const (
	// lengthVariable is the environment variable with the length of a soak in seconds.
	lengthVariable = "WG_BRIDGE_SOAK_SECONDS"
	// seedVariable is the environment variable with the seed of the impairments, to repeat those of an earlier run.
	seedVariable = "WG_BRIDGE_SOAK_SEED"

	// defaultLength is that of a soak among all other tests, where lengthVariable is not set.
	defaultLength = 6 * time.Second

	// ownHandshakesLength is the minimum length of a soak in which WireGuard makes handshakes by itself: half of it
	// passes after the last forced one, and REKEY_AFTER_TIME is two minutes.
	ownHandshakesLength = 10 * time.Minute

	// timeout bounds each wait for a handshake, and for the last bytes at the end. Whatever takes longer hangs, which
	// fails the test.
	timeout = 2 * time.Minute
	// settleTimeout bounds how long something that is ending may take to be gone.
	settleTimeout = 10 * time.Second
)

func TestTunnelsLoseNoByteAndLeakNothing(t *testing.T) {
	testbed.RequireSandbox(t)
	length, given := chosenLength(t)
	seed := chosenSeed(t)
	t.Logf("%v with %s=%d %s=%s", length, seedVariable, seed, foreground.Disable, os.Getenv(foreground.Disable))
	impairLoopback(t)
	for number, way := range []struct {
		name      string
		start     runner
		userspace bool // the first end has no interface
		built     bool // needs what scripts/setup builds
	}{
		{name: "in one process", start: inOneProcess},
		{name: "userspace, in one process", start: inOneProcess, userspace: true},
		{name: "on exec", start: onExec, built: true},
		{name: "userspace, on exec", start: onExec, userspace: true, built: true},
		{name: "on ffi", start: onFFI, built: true},
	} {
		// scripts/soak runs scripts/setup, and sets the length.
		if way.built && !given {
			continue
		}
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			names := [2]string{fmt.Sprintf("wgs%da", number), fmt.Sprintf("wgs%db", number)}
			if way.userspace {
				names[0] = stationPath(t)
			}
			soak(t, names, way.start, length, seed)
		})
	}
}

func chosenLength(t *testing.T) (length time.Duration, given bool) {
	t.Helper()
	text := os.Getenv(lengthVariable)
	if text == "" {
		return defaultLength, false
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		t.Fatalf("%s: %v: give a number of seconds", lengthVariable, err)
	}
	return time.Duration(n) * time.Second, true
}

func chosenSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv(seedVariable)
	if text == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v: give the number that an earlier run logged", seedVariable, err)
	}
	return seed
}

// soak opens two tunnels, and runs traffic through them twice: for a quarter of the time, in which pools and buffers
// reach their size, then for the rest, in which nothing may grow.
func soak(t *testing.T, names [2]string, start runner, length time.Duration, seed uint64) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), length+3*timeout, fmt.Errorf("the soak did not end"))
	t.Cleanup(cancel) // runs last: by then the programs have ended by themselves
	relay := openRelay(t, badLink, seed)
	ends := [2]*end{newEnd(t, names[0], 1, relay.ports[0].number), newEnd(t, names[1], 2, relay.ports[1].number)}
	programs := start(ctx, t, ends)
	for _, one := range ends {
		if one.isUserspace() {
			one.station = openStation(ctx, t, one.name)
		}
	}
	var listening [2]uint16
	for n := range ends {
		listening[n] = ends[n].connect(ctx, t, ends[n].peerLines(ends[1-n]))
	}
	relay.start(t, listening)

	s := &trial{ends: ends, seed: seed}
	s.run(ctx, t, length/4)
	var before []resources
	for _, program := range programs {
		before = append(before, program.minResources(ctx, t))
	}
	packets := relay.arrivals()
	s.run(ctx, t, length-length/4)
	packets = relay.arrivals() - packets

	for n, line := range relay.lines {
		t.Logf("from %s: %+v", names[n], line.counts())
	}
	t.Logf("%d MTU changes, %d forced and %d other handshakes", s.mtuChanges, s.forcedHandshakes, s.ownHandshakes)
	for n, program := range programs {
		program.expectNoMore(ctx, t, before[n], packets)
	}
	if s.forcedHandshakes == 0 || s.mtuChanges == 0 {
		t.Error("no handshake was forced, or no MTU changed, while the traffic ran")
	}
	if length >= ownHandshakesLength && s.ownHandshakes == 0 {
		t.Error("the tunnels made no handshake by themselves, although two minutes passed after the last forced one")
	}
}

// A trial runs traffic between two ends and disturbs it.
type trial struct {
	ends [2]*end
	seed uint64

	mtuChanges       int
	forcedHandshakes int // while streams ran
	ownHandshakes    int // of the engine, as far as disturb has observed them
}

// run sends streams both ways over IPv4 and IPv6 for that long, disturbs the tunnels meanwhile, and checks that
// everything that was sent was received.
func (s *trial) run(ctx context.Context, t *testing.T, length time.Duration) {
	t.Helper()
	// TCP agrees on its maximum segment size when it connects.
	s.setMTU(t, mtus[0])
	stop := make(chan struct{})
	var streams, connected sync.WaitGroup
	for n, address := range []string{s.ends[1].ipv4, s.ends[1].ipv6} {
		connected.Add(1)
		streams.Go(func() {
			transfers, err := streamBothWays(ctx, s.ends[0], s.ends[1], address, s.seed+uint64(n), connected.Done, stop)
			if err != nil {
				t.Error(err)
			}
			for _, d := range transfers {
				d.expectWhole(t, address)
			}
			t.Logf("%s: %.1f MB there, %.1f MB back", address, float64(transfers[0].received.bytes)/1e6, float64(transfers[1].received.bytes)/1e6)
		})
	}
	connected.Wait()
	s.disturb(ctx, t, length)
	close(stop)
	streams.Wait()
	if t.Failed() {
		t.FailNow()
	}
	// The engine's goroutines for a peer keep the packets of their largest batch until there is a larger one. Those
	// of a new peer keep none.
	for n, one := range s.ends {
		if err := rekey(ctx, one, s.ends[1-n]); err != nil {
			t.Fatal(err)
		}
	}
}
