package netstack

import (
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"wg-bridge/go/testbed"
)

// giveUpLimit is longer than the stack's first two retransmission timeouts together.
const giveUpLimit = 1200 * time.Millisecond

// newPath returns both ends of a connection whose segments pass a filter on their way there.
func newPath(t *testing.T, filter func(segment) bool) (near *Device, client, server *Conn) {
	t.Helper()
	testbed.CheckLeaks(t, "no interface")
	near, far := newDevice(t, Config{}, near4), newDevice(t, Config{}, far4)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32)})
	far.SetRoutes([]netip.Prefix{netip.PrefixFrom(near4, 32)})
	connect(t, wire{from: near, to: far, filter: func(packet []byte) bool { return filter(segmentOf(packet)) }},
		wire{from: far, to: near})
	client, server = establish(t, near, far, far4)
	return near, client, server
}

// Each segment is lost once after the one before it has arrived. So something is always under way that was repeated, for
// longer than the limit, but never without an acknowledgement for so long.
func TestAnOrphanThatIsAcknowledgedIsNotGivenUp(t *testing.T) {
	const segments = 12 // each takes 200 ms or more
	var first, arrived uint32
	tries := 0
	_, client, server := newPath(t, func(s segment) bool {
		if s.payload == 0 {
			return !s.fin || arrived == segments
		}
		if first == 0 {
			first = s.sequence
		}
		if s.sequence != first+arrived*segmentLength {
			return false
		}
		if tries++; tries < 2 {
			return false
		}
		tries, arrived = 0, arrived+uint32(s.payload/segmentLength)
		return true
	})
	for range segments {
		if _, err := client.Write(make([]byte, segmentLength)); err != nil {
			t.Fatal(err)
		}
	}
	client.GiveUpAfter(giveUpLimit)
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if n, err := io.Copy(io.Discard, server); n != segments*segmentLength || err != nil {
		t.Errorf("%d bytes after %v, and %v", n, time.Since(begin), err)
	}
	if took := time.Since(begin); took < giveUpLimit {
		t.Errorf("that took %v, less than the limit", took)
	}
}

func TestAnOrphanThatNobodyAcknowledgesIsGivenUp(t *testing.T) {
	for name, isReachable := range map[string]bool{"nobody answers": false, "nobody reads": true} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			passing := true
			near, client, _ := newPath(t, func(segment) bool {
				mu.Lock()
				defer mu.Unlock()
				return passing
			})
			mu.Lock()
			passing = isReachable
			mu.Unlock()
			if err := client.SetWriteDeadline(time.Now().Add(giveUpLimit)); err != nil {
				t.Fatal(err)
			}
			for err := error(nil); err == nil; {
				_, err = client.Write(make([]byte, 1<<20))
			}
			client.GiveUpAfter(giveUpLimit)
			if err := client.Close(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the end of the connection", func() bool { return len(near.Stack().RegisteredEndpoints()) == 0 })
		})
	}
}
