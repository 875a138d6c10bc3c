// Package soak runs tunnels for long over a link that loses, doubles, reorders and damages datagrams,
// while their sessions and MTUs change, and looks whether a byte is lost or anything leaks.
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
	// lengthVariable says in the environment for how many seconds to soak, and seedVariable by which
	// seed to impair: one that an earlier run logged.
	lengthVariable = "WG_BRIDGE_SOAK_SECONDS"
	seedVariable   = "WG_BRIDGE_SOAK_SEED"

	// shortLength is that of a run that nobody asked for: with all the other tests.
	shortLength = 6 * time.Second

	// ownHandshakes is how long a soak must be for WireGuard to make handshakes by itself in it: half of it
	// passes after the last forced one, and REKEY_AFTER_TIME is two minutes.
	ownHandshakes = 10 * time.Minute

	// patience bounds each wait for a handshake, and for the last bytes at the end. Reaching it is a
	// failure, of what hangs.
	patience = 2 * time.Minute
	// settle bounds how long what is ending may take to be gone.
	settle = 10 * time.Second
)

// aLongTimeAgo is a deadline that ends what is being read and written.
var aLongTimeAgo = time.Unix(1, 0)

func TestTunnelsLoseNoByteAndLeakNothing(t *testing.T) {
	testbed.RequireSandbox(t)
	length, asked := seconds(t)
	seed := chosenSeed(t)
	t.Logf("%v by %s=%d %s=%s", length, seedVariable, seed, foreground.Disable, os.Getenv(foreground.Disable))
	impairLoopback(t)
	for number, way := range []struct {
		name  string
		start runner
	}{
		{"in one process", inOneProcess},
		{"on exec", onExec},
		{"on ffi", onFFI},
	} {
		// The others need what scripts/setup builds, and scripts/soak runs that.
		if number > 0 && !asked {
			continue
		}
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			soak(t, fmt.Sprintf("wgs%d", number), way.start, length, seed)
		})
	}
}

func seconds(t *testing.T) (length time.Duration, asked bool) {
	t.Helper()
	text := os.Getenv(lengthVariable)
	if text == "" {
		return shortLength, false
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

// soak opens two tunnels, and soaks them twice: a quarter of the time until everything that grows to a
// size has grown to it, then the rest, after which nothing may have become more.
func soak(t *testing.T, prefix string, start runner, length time.Duration, seed uint64) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), length+3*patience, fmt.Errorf("the soak did not end"))
	t.Cleanup(cancel) // the last to be called: the programs end by themselves before
	relay := openRelay(t, badLink, seed)
	names := [2]string{prefix + "a", prefix + "b"}
	programs := start(ctx, t, names)
	ends := [2]*end{newEnd(t, names[0], 1, relay.ports[0].number), newEnd(t, names[1], 2, relay.ports[1].number)}
	var listening [2]uint16
	for n := range ends {
		listening[n] = ends[n].connect(ctx, t, ends[n].peerLines(ends[1-n]))
	}
	relay.start(t, listening)

	s := &trial{ends: ends, seed: seed}
	s.run(ctx, t, length/4)
	var before []holdings
	for _, program := range programs {
		before = append(before, program.leastHoldings(ctx, t))
	}
	packets := relay.lines[0].counts().arrived + relay.lines[1].counts().arrived
	s.run(ctx, t, length-length/4)
	packets = relay.lines[0].counts().arrived + relay.lines[1].counts().arrived - packets

	for n, line := range relay.lines {
		t.Logf("from %s: %+v", names[n], line.counts())
	}
	t.Logf("%d MTU changes, %d forced and %d other handshakes", s.mtuChanges, s.rekeys, s.handshakes)
	for n, program := range programs {
		program.expectNoMore(ctx, t, before[n], packets)
	}
	if s.rekeys == 0 || s.mtuChanges == 0 {
		t.Error("nothing was changed while the traffic ran")
	}
	if length >= ownHandshakes && s.handshakes == 0 {
		t.Error("the tunnels made no handshake by themselves, although two minutes passed after the forced ones")
	}
}

// A trial is what two ends go through.
type trial struct {
	ends [2]*end
	seed uint64

	mtuChanges int
	rekeys     int // handshakes that were forced while streams ran
	handshakes int // those that the engine made by itself, as far as seen
}

// run sends streams both ways over IPv4 and IPv6 for so long, changes the tunnels meanwhile, and compares
// what arrived with what was sent.
func (s *trial) run(ctx context.Context, t *testing.T, length time.Duration) {
	t.Helper()
	// What a connection carries at most in a packet is agreed upon when it is made.
	s.setMTU(t, mtus[0])
	stop := make(chan struct{})
	var streams, connected sync.WaitGroup
	for n, address := range []string{s.ends[1].ipv4, s.ends[1].ipv6} {
		connected.Add(1)
		streams.Go(func() {
			directions, err := stream(ctx, s.ends[0].name, s.ends[1].name, address, s.seed+uint64(n), connected.Done, stop)
			if err != nil {
				t.Error(err)
			}
			for _, d := range directions {
				if d.sent != d.arrived || d.sent.bytes == 0 {
					t.Errorf("%s: sent %d bytes %x, %d bytes %x arrived", address, d.sent.bytes, d.sent.sum, d.arrived.bytes, d.arrived.sum)
				}
			}
			t.Logf("%s: %.1f MB there, %.1f MB back", address, float64(directions[0].arrived.bytes)/1e6, float64(directions[1].arrived.bytes)/1e6)
		})
	}
	connected.Wait()
	s.disturb(ctx, t, length)
	close(stop)
	streams.Wait()
	if t.Failed() {
		t.FailNow()
	}
	// The engine's goroutines of a peer hold the packets of their largest batch until there is a larger
	// one. Those of new peers hold nothing.
	for n, one := range s.ends {
		if err := rekey(ctx, one, s.ends[1-n]); err != nil {
			t.Fatal(err)
		}
	}
}
