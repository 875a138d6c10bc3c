//go:build !race

// What takes too long with the race detector, or measures memory.

package netstack

import (
	"errors"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"wg-bridge/go/testbed"
)

func TestLoadOfAHundredMegabytesEachWay(t *testing.T) {
	near, far := newEnds(t, 1420)
	client, server := establish(t, near.Device, far.Device, far4)
	_ = errors.Join(client.SetDeadline(time.Time{}), server.SetDeadline(time.Time{}))
	exchange(t, 1, 100_000_000, client, server)
}

// connections opens connections one after the other, sends a byte each way, and closes them.
func connections(t *testing.T, near, far *end, count int) {
	t.Helper()
	listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx := limited(t)
	echoed := make(chan error, 1)
	for range count {
		go func() {
			conn, err := listener.AcceptTCP()
			if err != nil {
				echoed <- err
				return
			}
			var one [1]byte
			_, err = conn.Read(one[:])
			_, written := conn.Write(one[:])
			_, ended := conn.Read(one[:])
			if ended.Error() == "EOF" {
				ended = nil
			}
			echoed <- errors.Join(err, written, ended, conn.Close())
		}()
		client, err := near.DialTCP(ctx, netip.AddrPort{}, listener.Local())
		if err != nil {
			t.Fatal(err)
		}
		var one [1]byte
		_, written := client.Write([]byte{1})
		_, read := client.Read(one[:])
		if err := errors.Join(written, read, client.Close(), testbed.Wait(t, echoed, "an echo")); err != nil {
			t.Fatal(err)
		}
	}
}

// setTimeWait changes how long the ports of a connection are kept after its end.
func setTimeWait(s *stack.Stack, wait time.Duration) error {
	option := tcpip.TCPTimeWaitTimeoutOption(wait)
	if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, &option); err != nil {
		return Errno(err)
	}
	return nil
}

func TestLoadOfManyConnectionsLeavesNothing(t *testing.T) {
	near, far := newEnds(t, 1420)
	// The stack keeps connections for a minute after their end.
	for _, e := range []*end{near, far} {
		if err := setTimeWait(e.Stack(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	measure := func() (goroutines int, heap uint64) {
		waitFor(t, "the ends of all connections", func() bool {
			return len(near.Stack().RegisteredEndpoints())+len(far.Stack().RegisteredEndpoints()) == 0 &&
				len(near.Stack().CleanupEndpoints())+len(far.Stack().CleanupEndpoints()) == 0
		})
		runtime.GC()
		runtime.GC() // the first one fills the pools' victims
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return runtime.NumGoroutine(), memory.HeapAlloc
	}
	connections(t, near, far, 300)
	goroutines, heap := measure()
	const more = 1500
	connections(t, near, far, more)
	laterGoroutines, laterHeap := measure()
	if laterGoroutines > goroutines {
		t.Errorf("%d goroutines became %d", goroutines, laterGoroutines)
	}
	if grown := int64(laterHeap) - int64(heap); grown > more*256 {
		t.Errorf("%d connections left %d bytes", more, grown)
	}
}
