package netstack

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"

	upstream "golang.zx2c4.com/wireguard/tun/netstack"

	"wg-bridge/go/testbed"
	"wg-bridge/go/udp"
)

// A client is the near end of a benchmark, whose far end is a Device of ours.
type client struct {
	name string
	open func(t testing.TB, mtu int, far *end) (dial func(context.Context, netip.AddrPort) (net.Conn, error))
}

// clients are this package and the network that comes with the engine, both with our Bind.
var clients = []client{
	{"own", func(t testing.TB, mtu int, far *end) func(context.Context, netip.AddrPort) (net.Conn, error) {
		near := newEnd(t, mtu, near4, near6)
		meet(t, near, far)
		return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return near.DialTCP(ctx, netip.AddrPort{}, to)
		}
	}},
	{"upstream", func(t testing.TB, mtu int, far *end) func(context.Context, netip.AddrPort) (net.Conn, error) {
		tun, network, err := upstream.CreateNetTUN([]netip.Addr{near4, near6}, nil, mtu)
		if err != nil {
			t.Fatal(err)
		}
		near := newEngine(t, tun, udp.Config{Offloads: udp.AllOffloads, Errorf: t.Logf}, t.Logf)
		near.addresses = []netip.Addr{near4, near6}
		meet(t, near, far)
		return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return network.DialContextTCPAddrPort(ctx, to)
		}
	}},
}

// processorTime returns how long this process has computed, in seconds.
func processorTime() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// BenchmarkStream sends bytes up or down through one connection. It reports the CPU seconds of both ends, of which the
// far one is the same for all clients, for each gigabyte. Compare what runs of one process report:
//
//	scripts/sandbox go test -run '^$' -bench Stream -benchtime 200x -count 5 ./go/netstack
func BenchmarkStream(b *testing.B) {
	testbed.RequireSandbox(b)
	for _, mtu := range []int{1420, 9000} {
		for _, direction := range []string{"up", "down"} {
			for _, client := range clients {
				b.Run(fmt.Sprintf("%d/%s/%s", mtu, direction, client.name), func(b *testing.B) {
					benchmarkStream(b, mtu, direction == "up", client)
				})
			}
		}
	}
}

func benchmarkStream(b *testing.B, mtu int, up bool, from client) {
	far := newEnd(b, mtu, far4, far6)
	dial := from.open(b, mtu, far)
	listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	near, err := dial(limited(b), listener.Local())
	if err != nil {
		b.Fatal(err)
	}
	defer near.Close()
	accepted, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer accepted.Close()
	source, sink := near, accepted
	if !up {
		source, sink = accepted, near
	}
	const size = 1 << 20
	buffer := make([]byte, size)
	total := int64(size) * int64(b.N)
	b.SetBytes(size)
	b.ResetTimer()
	before := processorTime()
	go func() {
		for range b.N {
			if _, err := source.Write(buffer); err != nil {
				return
			}
		}
	}()
	if _, err := io.CopyN(io.Discard, sink, total); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric((processorTime()-before)/float64(total)*1e9, "cpu-s/GB")
}
