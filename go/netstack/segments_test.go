package netstack

import (
	"bytes"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"wg-bridge/go/inet"
	"wg-bridge/go/segmentation"
	"wg-bridge/go/testbed"
)

// restored joins packets, cuts them again, and returns what that gives.
func restored(t testing.TB, packets [][]byte) (again [][]byte) {
	t.Helper()
	buffers, joiner := testbed.Buffers(packets), &newWriter(nil).joiner
	joiner.Supersedes = false
	joiner.Join(buffers, testbed.Headroom)
	again = make([][]byte, len(packets))
	for i := range joiner.Runs {
		r := &joiner.Runs[i]
		first := buffers[r.First][testbed.Headroom:]
		if r.Count == 1 {
			again[r.First] = first
			continue
		}
		r.JoinHeaders(first)
		var more [][]byte
		for next := joiner.Next[r.First]; next >= 0; next = joiner.Next[next] {
			more = append(more, buffers[next][testbed.Headroom+r.Headers():])
		}
		segments, err := segmentation.Cut(r.Plan(), first, more...)
		if err != nil {
			t.Fatal(err)
		}
		for at := r.First; segments.Left(); at = joiner.Next[at] {
			to := make([]byte, inet.MaxPacket)
			again[at] = to[:segments.Next(to)]
		}
	}
	return again
}

// withoutID clears the ID of an IPv4 packet that may not be fragmented: it has no meaning (RFC 6864).
func withoutID(packet []byte) []byte {
	if packet[inet.IPv4Fragment]&0x40 != 0 {
		clear(packet[inet.IPv4ID : inet.IPv4ID+2])
		inet.SetLength(packet[:inet.IPv4HeaderLength], len(packet))
	}
	return packet
}

// FuzzSegmentsOfTheStack sends writes of any lengths at any MTU. Each packet must be right, and each batch of them be
// restored after it was joined.
func FuzzSegmentsOfTheStack(f *testing.F) {
	near, err := New(Config{MTU: MaxMTU}) // the connection can use any smaller one
	if err != nil {
		f.Fatal(err)
	}
	far, err := New(Config{MTU: MaxMTU}) // the connection can use any smaller one
	if err != nil {
		f.Fatal(err)
	}
	for d, address := range map[*Device]netip.Addr{near: near4, far: far4} {
		if err := d.SetAddresses([]netip.Addr{address}); err != nil {
			f.Fatal(err)
		}
		d.SetRoutes([]netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")})
	}
	var mu sync.Mutex
	var seen [][]byte
	connect(f, wire{from: near, to: far, filter: func(packet []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, bytes.Clone(packet))
		return true
	}}, wire{from: far, to: near})
	client, server := establish(f, near, far, far4)
	f.Add(uint16(1420), uint32(1), uint32(100_000))
	f.Add(uint16(0), uint32(65_000), uint32(1))
	f.Add(uint16(1421), uint32(79_999), uint32(2_999))
	f.Fuzz(func(t *testing.T, mtu uint16, first, second uint32) {
		for _, d := range []*Device{near, far} {
			if err := d.SetMTU(max(MinMTU, int(mtu))); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []*Conn{client, server} {
			_ = c.SetDeadline(time.Now().Add(testLimit))
		}
		for _, length := range []uint32{first % 80_000, second % 3_000} {
			sent := bytes.Repeat([]byte{byte(length), byte(mtu), 7}, int(length)/3+1)[:length]
			go func() { _, _ = client.Write(sent) }()
			got := make([]byte, length)
			if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, sent) {
				t.Fatalf("other bytes arrived: %v", err)
			}
		}
		mu.Lock()
		packets := seen
		seen = nil
		mu.Unlock()
		for i, packet := range packets {
			if what := fault(packet); what != "" {
				t.Errorf("packet %d of %d: %s", i, len(packets), what)
			}
		}
		again := restored(t, packets)
		for i := range packets {
			if !bytes.Equal(withoutID(again[i]), withoutID(packets[i])) {
				t.Errorf("packet %d of %d is another one after it was joined and cut", i, len(packets))
			}
		}
	})
}
