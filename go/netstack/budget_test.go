package netstack

import (
	"bytes"
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
	d := newDevice(t, Config{Memory: 64 << 20})
	if got, want := d.budget.sizes(0, 0), (sizes{initialBuffer, maxReceiveBuffer, maxSendBuffer}); got != want {
		t.Errorf("of no connections: %+v, want %+v", got, want)
	}
	for _, connections := range []int64{1, 10, 100, 1000, 10_000} {
		for grown := int64(0); grown <= connections; grown = 10*grown + 1 {
			s := d.budget.sizes(connections, grown)
			if s.initial > s.receive || s.initial > s.send || s.initial < d.budget.minimum {
				t.Errorf("%d connections, %d grown: %+v", connections, grown, s)
			}
			if s.initial > d.budget.minimum && 2*connections*s.initial > d.budget.limit/2 {
				t.Errorf("%d connections begin with %d bytes", connections, s.initial)
			}
			if s.receive > s.initial && grown*(s.receive+s.send) > d.budget.limit/2 {
				t.Errorf("%d connections grow to %+v", grown, s)
			}
		}
	}
}

// defaultBuffer returns the size with which receive buffers begin.
func defaultBuffer(t testing.TB, d *Device) int {
	var option tcpip.TCPReceiveBufferSizeRangeOption
	if err := d.Stack().TransportProtocolOption(tcp.ProtocolNumber, &option); err != nil {
		t.Fatal(err)
	}
	return option.Default
}

func TestConnectionsThatNobodyReadsKeepToTheBudget(t *testing.T) {
	const memory, count, size = 4 << 20, 40, 1 << 20
	near, far := newPair(t, Config{Memory: memory})
	before := defaultBuffer(t, far)
	var clients, servers []*Conn
	for range count {
		client, server := establish(t, near, far, far4)
		clients, servers = append(clients, client), append(servers, server)
	}
	sent := bytes.Repeat([]byte("megabyte"), size/8)
	var writing sync.WaitGroup
	for _, client := range clients {
		writing.Go(func() {
			if _, err := client.Write(sent); err != nil {
				t.Error(err)
			}
			if err := client.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
	}
	all := func() (total, least int) {
		least = size
		for _, server := range servers {
			n := unread(server)
			total, least = total+n, min(least, n)
		}
		return total, least
	}
	waitFor(t, "bytes on each connection", func() bool { _, least := all(); return least > 0 })
	for range 50 {
		if total, _ := all(); total > memory {
			t.Fatalf("%d connections hold %d bytes of a budget of %d", count, total, memory)
		}
		time.Sleep(2 * budgetInterval / 50) // for two divisions
	}
	var reading sync.WaitGroup
	for _, server := range servers {
		reading.Go(func() {
			got, err := io.ReadAll(server)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("read %d of %d bytes: %v", len(got), len(sent), err)
			}
		})
	}
	reading.Wait()
	writing.Wait()
	if defaultBuffer(t, far) >= before {
		t.Errorf("buffers begin with %d bytes, as before", before)
	}
	for i := range clients {
		_, _ = clients[i].Abort(), servers[i].Abort()
	}
	waitFor(t, "the end of the scarcity", func() bool { return defaultBuffer(t, far) == before })
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

// openMany opens connections, and returns both ends of each.
func openMany(t testing.TB, near, far *Device, count int) (ends []*Conn) {
	t.Helper()
	for range count {
		client, server := establish(t, near, far, netip.AddrFrom4(far4.As4()))
		ends = append(ends, client, server)
	}
	return ends
}
