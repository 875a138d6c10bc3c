package udp

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// pathNumber is a different address for each number.
func pathNumber(n int) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n))))
}

func TestARefusalHoldsForOneAddressOneGenerationAndAMinute(t *testing.T) {
	var r refusals
	path, now := netip.MustParseAddr("192.0.2.1"), time.Now()
	if r.has(path, 7, now) {
		t.Error("it holds before there was one")
	}
	r.add(path, 7, now)
	for name, c := range map[string]struct {
		to         string
		generation uint64
		after      time.Duration
		want       bool
	}{
		"at once":            {"192.0.2.1", 7, 0, true},
		"within the minute":  {"192.0.2.1", 7, refusalLifetime - 1, true},
		"after the minute":   {"192.0.2.1", 7, refusalLifetime, false},
		"after other routes": {"192.0.2.1", 8, 0, false},
		"for another path":   {"192.0.2.2", 7, 0, false},
	} {
		if got := r.has(netip.MustParseAddr(c.to), c.generation, now.Add(c.after)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	r.add(path, 7, now.Add(time.Second))
	if !r.has(path, 7, now.Add(refusalLifetime)) {
		t.Error("a second refusal does not hold for a minute of its own")
	}
}

func TestAnyNumberOfRefusalsTakesBoundedMemoryAndTheLatestHolds(t *testing.T) {
	var r refusals
	now := time.Now()
	for n := range 2 * maxRefusals {
		r.add(pathNumber(n), 7, now)
		if !r.has(pathNumber(n), 7, now) {
			t.Fatalf("refusal %d was not remembered", n)
		}
	}
	if got := len(*r.known.Load()); got != maxRefusals {
		t.Errorf("%d are remembered, not %d", got, maxRefusals)
	}
}

func TestExpiredRefusalsAreDroppedWhenOneIsAdded(t *testing.T) {
	var r refusals
	now := time.Now()
	r.add(pathNumber(1), 7, now)
	r.add(pathNumber(2), 8, now)
	r.add(pathNumber(3), 8, now.Add(refusalLifetime))
	if got := len(*r.known.Load()); got != 1 {
		t.Errorf("%d are remembered, not the latest alone", got)
	}
}

func TestConcurrentRefusalsAreAllRemembered(t *testing.T) {
	var r refusals
	now := time.Now()
	var senders sync.WaitGroup
	for n := range 100 {
		senders.Go(func() {
			r.has(pathNumber(n), 7, now)
			r.add(pathNumber(n), 7, now)
		})
	}
	senders.Wait()
	for n := range 100 {
		if !r.has(pathNumber(n), 7, now) {
			t.Errorf("refusal %d was lost", n)
		}
	}
}
