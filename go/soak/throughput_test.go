package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"wg-bridge/go/testbed"
)

// BenchmarkTCP sends mebibytes through two tunnels of this process, in one direction after the other. It exists for
// its CPU profile, which covers all code that carries packets and no other program.
func BenchmarkTCP(b *testing.B) {
	testbed.RequireSandbox(b)
	ctx, cancel := context.WithTimeoutCause(b.Context(), timeout, errors.New("the benchmark did not end"))
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
		b.Run(name, func(b *testing.B) { sendMebibytes(ctx, b, ends[n], ends[1-n]) })
	}
}

// sendMebibytes sends b.N MiB from one end to the other.
func sendMebibytes(ctx context.Context, b *testing.B, from, to *end) {
	c, err := dial(ctx, from, to, to.ipv4)
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	piece := make([]byte, 1<<20)
	b.SetBytes(int64(len(piece)))
	b.ResetTimer()
	sent := make(chan error, 1)
	go func() {
		for range b.N {
			if _, err := c.near.Write(piece); err != nil {
				sent <- err
				return
			}
		}
		sent <- c.near.CloseWrite()
	}()
	received, err := io.Copy(io.Discard, c.far)
	if err := errors.Join(err, <-sent); err != nil {
		b.Fatal(err)
	}
	if want := int64(b.N) * int64(len(piece)); received != want {
		b.Fatalf("received %d of %d bytes", received, want)
	}
}
