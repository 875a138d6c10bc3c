//go:build !race

// The race detector allocates, and empties pools at random.

package udp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"wg-bridge/go/inflight"
)

// allocationRuns is how often a function runs that must allocate nothing.
const allocationRuns = 200

// expectNoAllocation fails the test if f allocates on every call. A first call does not count.
func expectNoAllocation(t *testing.T, of string, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(allocationRuns, f); got >= 1 {
		t.Errorf("%s: %v allocations each time", of, got)
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	b := openAlone(t)
	packets := numbered(batchSize, 1000)
	for _, address := range []string{"127.0.0.1:9", "[::1]:9"} {
		to := newEndpoint(netip.MustParseAddrPort(address))
		expectNoAllocation(t, "to "+address, func() { sendTo(t, b, to, packets...) })
		expectNoAllocation(t, "one to "+address, func() { sendTo(t, b, to, packets[0]) })
		to.source.Store(&source{address: to.DstIP()})
		expectNoAllocation(t, "from a source to "+address, func() { sendTo(t, b, to, packets...) })
	}
}

func TestSendingToAPathThatRefusesSegmentsAllocatesNothing(t *testing.T) {
	b := openAlone(t)
	packets := numbered(batchSize, 1000)
	for _, address := range []string{"127.0.0.1:9", "[::1]:9"} {
		to := newEndpoint(netip.MustParseAddrPort(address))
		b.refusals.add(to.DstIP(), b.generation.Load(), time.Now())
		expectNoAllocation(t, "to "+address, func() { sendTo(t, b, to, packets...) })
	}
}

// openAlone opens a Bind from which nobody receives: AllocsPerRun counts the allocations of all goroutines.
func openAlone(t *testing.T) *Bind {
	t.Helper()
	b := NewBind(Config{})
	newNamespace(t).run(t, func() error { _, _, err := b.Open(0); return err })
	t.Cleanup(func() { b.Close() })
	return b
}

func sendTo(t *testing.T, b *Bind, to *Endpoint, packets ...[]byte) {
	t.Helper()
	if err := b.Send(packets, to); err != nil {
		t.Fatal(err)
	}
}

func TestReceiveAllocatesNothingHoweverManySendInTurn(t *testing.T) {
	n := newNamespace(t)
	// All of these addresses are local and may be a source.
	n.ip(t, "addr add fd00::ffff/128 dev lo nodad", "route add local fd00::/112 dev lo")
	n.sysctl(t, "ipv6/ip_nonlocal_bind", "1")
	for _, family := range []struct{ network, address, peer string }{
		{"udp4", "127.0.0.1", "127.1.0.%d"},
		{"udp6", "fd00::ffff", "fd00::%x"},
	} {
		var from *socket
		n.run(t, func() (err error) { from, err = listen(family.network, 0, 0, AllOffloads, t.Logf); return err })
		t.Cleanup(func() { from.close() })
		for _, joined := range []bool{true, false} {
			for _, peers := range []int{1, 2, 200} {
				name := fmt.Sprintf("%s, joined %v, %d peers", family.network, joined, peers)
				t.Run(name, func(t *testing.T) {
					r := listenAlone(t, n, family.network, Offloads{Segment: true, GRO: joined})
					to := netip.AddrPortFrom(netip.MustParseAddr(family.address), r.socket.port())
					sources := make([]*source, peers)
					for i := range sources {
						sources[i] = &source{address: netip.MustParseAddr(fmt.Sprintf(family.peer, i+1))}
					}
					expectReceivedWithoutAllocation(t, r, from, to, sources)
				})
			}
		}
	}
}

// expectReceivedWithoutAllocation sends packets to a receiver from each source in turn.
func expectReceivedWithoutAllocation(t *testing.T, r lone, from *socket, to netip.AddrPort, sources []*source) {
	t.Helper()
	const count = 5
	packets, ecn, batch := numbered(count, 100), make([]inflight.ECN, count), newSendBatch()
	batch.address(to, 0)
	buffers, sizes, endpoints := receiveBuffers(batchSize)
	expectNoAllocation(t, "receiving", func() {
		for _, source := range sources {
			batch.load(packets, ecn, source, maxSegments)
			if _, _, err := batch.send(from.raw); err != nil {
				t.Fatal(err)
			}
			for got := 0; got < count; {
				filled, err := r.receive(buffers, sizes, endpoints)
				if err != nil {
					t.Fatal(err)
				}
				got += filled
			}
			if got := endpoints[0].DstIP(); got != source.address {
				t.Fatalf("a datagram came from %s, not from %s", got, source.address)
			}
		}
	})
}
