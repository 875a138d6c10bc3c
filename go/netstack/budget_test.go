package netstack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"wg-bridge/go/testbed"
)

func TestSharesOfTheBudget(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	d := newDevice(t, Config{})
	if got, want := d.budget.sizes(0, 0), (sizes{initialBuffer, maxReceiveBuffer, maxSendBuffer}); got != want {
		t.Errorf("of no connections: %+v, want %+v", got, want)
	}
	d.budget.limit.Store(64 << 20)
	for _, connections := range []int64{0, 1, 10, 100, 1000, 10_000} {
		if s := d.budget.sizes(connections, 0); 2*unseen*s.initial > d.budget.limit.Load()/2 {
			t.Errorf("%d connections that come at once beside %d begin with %d bytes", unseen, connections, s.initial)
		}
		for grown := int64(0); grown <= connections; grown = 10*grown + 1 {
			s := d.budget.sizes(connections, grown)
			if s.initial > s.receive || s.initial > s.send || s.initial < d.budget.minimum {
				t.Errorf("%d connections, %d grown: %+v", connections, grown, s)
			}
			if s.initial > d.budget.minimum && 2*connections*s.initial > d.budget.limit.Load()/2 {
				t.Errorf("%d connections begin with %d bytes", connections, s.initial)
			}
			if s.receive > s.initial && grown*(s.receive+s.send) > d.budget.limit.Load()/2 {
				t.Errorf("%d connections grow to %+v", grown, s)
			}
		}
	}
}

func TestAnIdleConnectionGivesBackWhatItHadGrownAndGetsItAgain(t *testing.T) {
	const memory = 16 << 20
	near, far := newPair(t, Config{Memory: memory})
	far.budget.mu.Lock()
	far.budget.scarce = true // Nobody but this test divides it.
	far.budget.mu.Unlock()
	client, server := establish(t, near, far, far4)
	shares := make(map[*tcp.Endpoint]*share)
	endpoint := server.Endpoint().(*tcp.Endpoint)
	const grown = 3 << 20
	far.budget.redivide(shares) // now its segments are known
	endpoint.SocketOptions().SetReceiveBufferSize(grown, false)
	others := openMany(t, near, far, 8)
	far.budget.redivide(shares)
	far.budget.redivide(shares) // and nothing has changed
	if got := endpoint.SocketOptions().GetReceiveBufferSize(); got >= grown || got != far.budget.sizes(9, 0).initial {
		t.Errorf("an idle connection has %d bytes", got)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	far.budget.redivide(shares)
	// Late confirmations may have made another one active.
	if got, least := endpoint.SocketOptions().GetReceiveBufferSize(), far.budget.sizes(9, 2).receive; got < least || got > grown {
		t.Errorf("a connection that carries data again has %d bytes, want %d to %d", got, least, grown)
	}
	for _, c := range append(others, client, server) {
		_ = c.Abort()
	}
	waitFor(t, "the ends of all connections", func() bool { return len(far.Stack().RegisteredEndpoints()) == 0 })
	far.budget.redivide(shares)
	if len(shares) != 0 {
		t.Errorf("%d connections that are gone are kept", len(shares))
	}
}

// A segment is lost, and what came after it fills the buffer that the connection is left with while it waits.
func TestAConnectionThatIsDividedWhileItWaitsForALostSegmentGoesOn(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	near, far := newDevice(t, Config{}, near4), newDevice(t, Config{Memory: MinMemory}, far4)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32)})
	far.SetRoutes([]netip.Prefix{netip.PrefixFrom(near4, 32)})
	var mu sync.Mutex
	var losing bool
	var lost uint32
	lose := func(now bool) {
		mu.Lock()
		defer mu.Unlock()
		losing = now
	}
	connect(t, wire{from: near, to: far, filter: func(packet []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		s := segmentOf(packet)
		if !losing || s.payload == 0 {
			return true
		}
		if lost == 0 {
			lost = s.sequence
		}
		return s.sequence != lost
	}}, wire{from: far, to: near})
	far.budget.mu.Lock()
	far.budget.scarce = true // Nobody but this test divides it.
	far.budget.mu.Unlock()
	client, server := establish(t, near, far, far4)
	sent := make(chan error, 1)
	begun := make(chan struct{})
	const half = 1 << 20
	go func() {
		_, first := client.Write(make([]byte, half)) // which makes the stack send faster
		<-begun
		_, second := client.Write(make([]byte, half))
		sent <- errors.Join(first, second, client.CloseWrite())
	}()
	if _, err := io.CopyN(io.Discard, server, half); err != nil {
		t.Fatal(err)
	}
	lose(true)
	close(begun)
	received := make(chan error, 1)
	go func() {
		n, err := io.Copy(io.Discard, server)
		if n != half {
			err = errors.Join(err, fmt.Errorf("%d bytes", n))
		}
		received <- err
	}()
	endpoint := server.Endpoint().(*tcp.Endpoint)
	segments := func() uint64 { n, _ := segmentsOf(endpoint); return n }
	shares := make(map[*tcp.Endpoint]*share)
	others := openMany(t, near, far, 8)
	timeouts := near.Stack().Stats().TCP.Timeouts
	waitFor(t, "the retransmission timer", func() bool { return timeouts.Value() >= 2 })
	for before := uint64(0); before != segments(); {
		before = segments()
		far.budget.redivide(shares)
		far.budget.redivide(shares)
	}
	lose(false)
	for done := false; !done; {
		select {
		case err := <-received:
			if err != nil {
				t.Error(err)
			}
			done = true
		case <-time.After(20 * time.Millisecond):
			far.budget.redivide(shares)
		}
	}
	if err := testbed.Wait(t, sent, "the end of the stream"); err != nil {
		t.Error(err)
	}
	for _, c := range append(others, client, server) {
		_ = c.Abort()
	}
}

// A writer waits for room, and its buffer changes, so that the stack does not wake it.
func TestAWriterThatTheStackForgetsGoesOnOnceTheBudgetIsDivided(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	endpoint := client.Endpoint().(*tcp.Endpoint)
	refused := &endpoint.Stats().(*tcp.Stats).WriteErrors.WriteClosed // counts those for which there was no room
	accepted := int64(0)
	waitFor(t, "full buffers at both ends", func() bool {
		for {
			n, err := endpoint.Write(bytes.NewReader(make([]byte, 64<<10)), tcpip.WriteOptions{})
			if accepted += n; err != nil {
				return unread(server) >= initialBuffer/4
			}
		}
	})
	const more = 1 << 20
	before, written := refused.Value(), make(chan error, 1)
	go func() {
		_, err := client.Write(make([]byte, more))
		written <- errors.Join(err, client.CloseWrite())
	}()
	waitFor(t, "a writer that waits", func() bool { return refused.Value() >= before+2 })
	// What is unsent is already less than half of this, so that it never falls below.
	endpoint.SocketOptions().SetSendBufferSize(4*accepted, false)
	if _, err := io.CopyN(io.Discard, server, accepted); err != nil {
		t.Fatal(err)
	}
	near.budget.limit.Store(MinMemory)
	near.budget.redivide(make(map[*tcp.Endpoint]*share))
	if n, err := io.Copy(io.Discard, server); n != more || err != nil {
		t.Errorf("%d bytes and %v", n, err)
	}
	if err := testbed.Wait(t, written, "the end of the stream"); err != nil {
		t.Error(err)
	}
}

// openMany opens connections, and returns both ends of each.
func openMany(t testing.TB, near, far *Device, count int) (ends []*Conn) {
	t.Helper()
	for range count {
		client, server := establish(t, near, far, netip.AddrFrom4(far4.As4()))
		ends = append(ends, client, server)
	}
	return ends
}
