package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"wg-bridge/go/testbed"
)

// BenchmarkTCP sends mebibytes through two tunnels of this process, one stream each way at a time. What it
// is for is its profile, which has all code that carries packets, and nothing of other programs.
func BenchmarkTCP(b *testing.B) {
	testbed.RequireSandbox(b)
	ctx, cancel := context.WithTimeoutCause(b.Context(), patience, errors.New("the benchmark did not end"))
	defer cancel()
	const firstPort = 15_000
	ends := [2]*end{newEnd(b, "wgba", 1, firstPort+1), newEnd(b, "wgbb", 2, firstPort)}
	for n, one := range ends {
		openTunnel(b, one.name)
		if err := one.set(ctx, fmt.Sprintf("listen_port=%d\n", firstPort+n)); err != nil {
			b.Fatal(err)
		}
	}
	for n, one := range ends {
		one.connect(ctx, b, one.peerLines(ends[1-n]))
	}
	for n, name := range []string{"up", "down"} {
		b.Run(name, func(b *testing.B) { carry(ctx, b, ends[n], ends[1-n]) })
	}
}

// carry sends b.N MiB from one end to the other.
func carry(ctx context.Context, b *testing.B, from, to *end) {
	near, far, err := dial(ctx, from.name, to.name, to.ipv4)
	if err != nil {
		b.Fatal(err)
	}
	defer near.Close()
	defer far.Close()
	piece := make([]byte, 1<<20)
	b.SetBytes(int64(len(piece)))
	b.ResetTimer()
	sent := make(chan error, 1)
	go func() {
		for range b.N {
			if _, err := near.Write(piece); err != nil {
				sent <- err
				return
			}
		}
		sent <- near.CloseWrite()
	}()
	arrived, err := io.Copy(io.Discard, far)
	if err := errors.Join(err, <-sent); err != nil {
		b.Fatal(err)
	}
	if want := int64(b.N) * int64(len(piece)); arrived != want {
		b.Fatalf("%d bytes of %d arrived", arrived, want)
	}
}
