package netstack

import (
	"io"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"wg-bridge/go/testbed"
)

// setTimeWait changes how long the ports of a connection are kept after its end.
func setTimeWait(s *stack.Stack, wait time.Duration) error {
	option := tcpip.TCPTimeWaitTimeoutOption(wait)
	if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, &option); err != nil {
		return Errno(err)
	}
	return nil
}

// waits returns how many connections are in TIME-WAIT.
func waits(d *Device) (count int) {
	for _, endpoint := range d.Stack().RegisteredEndpoints() {
		if one, isTCP := endpoint.(*tcp.Endpoint); isTCP && one.EndpointState() == tcp.StateTimeWait {
			count++
		}
	}
	return count
}

// endNearFirst carries a byte each way, and ends a connection so that the near end is the one in TIME-WAIT. Before is called
// before the far end ends its side.
func endNearFirst(t *testing.T, client, server *Conn, before func()) {
	t.Helper()
	for _, pair := range [][2]*Conn{{client, server}, {server, client}} {
		if _, err := pair[0].Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(pair[1], make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(server); err != nil {
		t.Fatal(err)
	}
	before()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(client); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNothingKeepsAConnInTimeWait(t *testing.T) {
	near, far := newPair(t, Config{})
	const count = 10
	var collected atomic.Int64
	listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for range count {
		client, err := near.DialTCP(limited(t), netip.AddrPort{}, listener.Local())
		if err != nil {
			t.Fatal(err)
		}
		server, err := listener.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		runtime.AddCleanup(client, func(struct{}) { collected.Add(1) }, struct{}{})
		endNearFirst(t, client, server, func() {})
	}
	waitFor(t, "the collection of the connections", func() bool {
		runtime.GC()
		return collected.Load() == count
	})
	if waiting := waits(near); waiting != count {
		t.Errorf("%d connections are in TIME-WAIT, want %d", waiting, count)
	}
}

func TestAnEndWhoseLastACKIsLostForLongerThanTimeWaitIsAnEndAllTheSame(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	near, far := newDevice(t, Config{}, near4), newDevice(t, Config{}, far4)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32)})
	far.SetRoutes([]netip.Prefix{netip.PrefixFrom(near4, 32)})
	if err := setTimeWait(near.Stack(), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var cut atomic.Bool
	lost := make(chan struct{}, 1)
	connect(t, wire{from: near, to: far, filter: func([]byte) bool {
		if !cut.Load() {
			return true
		}
		select {
		case lost <- struct{}{}:
		default:
		}
		return false
	}}, wire{from: far, to: near})
	client, server := establish(t, near, far, far4)
	endNearFirst(t, client, server, func() { cut.Store(true) })
	testbed.Wait(t, lost, "the loss of the last ACK")
	waitFor(t, "the end of TIME-WAIT", func() bool { return len(near.Stack().RegisteredEndpoints()) == 0 })
	if left := len(far.Stack().RegisteredEndpoints()); left != 1 {
		t.Fatalf("the far end has %d connections, want the one that waits for the last ACK", left)
	}
	cut.Store(false)
	waitFor(t, "the far end's connection", func() bool { return len(far.Stack().RegisteredEndpoints()) == 0 })
	if resets := near.Stack().Stats().TCP.ResetsSent.Value(); resets == 0 {
		t.Error("it ended by something else than RST")
	}
}
