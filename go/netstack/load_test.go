//go:build !race

// What takes too long with the race detector, or measures memory.

package netstack

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
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

func TestLoadOfManyConnectionsLeavesNothing(t *testing.T) {
	near, far := newEnds(t, 1420)
	// The stack keeps connections for a while after their end.
	for _, e := range []*end{near, far} {
		if err := setTimeWait(e.Stack(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	// How many of its buffers of 64 KiB the engine holds differs from moment to moment, so only smaller objects count.
	measure := func() (goroutines int, heap uint64) {
		waitFor(t, "the ends of all connections", func() bool {
			return len(near.Stack().RegisteredEndpoints())+len(far.Stack().RegisteredEndpoints()) == 0 &&
				len(near.Stack().CleanupEndpoints())+len(far.Stack().CleanupEndpoints()) == 0
		})
		runtime.GC()
		runtime.GC() // the first one fills the pools' victims
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		for _, class := range memory.BySize {
			heap += uint64(class.Size) * (class.Mallocs - class.Frees)
		}
		return runtime.NumGoroutine(), heap
	}
	connections(t, near, far, 300)
	goroutines, heap := measure()
	const more = 1500
	connections(t, near, far, more)
	_, laterHeap := measure()
	waitFor(t, "the ends of their goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
	if grown := int64(laterHeap) - int64(heap); grown > more*64 {
		t.Errorf("%d connections left %d bytes", more, grown)
	}
}

// receiveBuffers returns the sizes of receive buffers.
func receiveBuffers(t testing.TB, d *Device) tcpip.TCPReceiveBufferSizeRangeOption {
	var option tcpip.TCPReceiveBufferSizeRangeOption
	if err := d.Stack().TransportProtocolOption(tcp.ProtocolNumber, &option); err != nil {
		t.Fatal(err)
	}
	return option
}

func TestLoadOfConnectionsThatNobodyReadsKeepsToTheBudget(t *testing.T) {
	near, far := newPair(t, Config{Memory: slowReadersMemory})
	testSlowReaders(t, near, far)
}

func TestLoadOnABudgetThatIsSetLaterKeepsToIt(t *testing.T) {
	near, far := newPair(t, Config{})
	for _, device := range []*Device{near, far} {
		if err := device.SetMemory(MinMemory - 1); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("too little: %v", err)
		}
		if err := device.SetMemory(slowReadersMemory); err != nil {
			t.Fatal(err)
		}
	}
	testSlowReaders(t, near, far)
	if err := far.SetMemory(DefaultMemory); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the default's first buffers", func() bool { return receiveBuffers(t, far).Default == initialBuffer })
}

const slowReadersMemory = 4 << 20

// testSlowReaders fails if connections that nobody reads hold more than the budget.
func testSlowReaders(t *testing.T, near, far *Device) {
	t.Helper()
	const memory, count, size = slowReadersMemory, 40, 1 << 20
	before := receiveBuffers(t, far).Max
	shrunk, ended := make(chan bool, 1), make(chan struct{})
	end := sync.OnceFunc(func() { close(ended) })
	t.Cleanup(end)
	go func() { shrunk <- happens(ended, func() bool { return receiveBuffers(t, far).Max < before }) }()
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
	if end(); !<-shrunk {
		t.Errorf("buffers grow to %d bytes, as before", before)
	}
	for i := range clients {
		_, _ = clients[i].Abort(), servers[i].Abort()
	}
	waitFor(t, "the end of the scarcity", func() bool { return receiveBuffers(t, far).Max == before })
}

// happens reports whether something happens before ended is closed.
func happens(ended <-chan struct{}, something func() bool) bool {
	for {
		if something() {
			return true
		}
		select {
		case <-ended:
			return false
		default:
			time.Sleep(budgetInterval / 50)
		}
	}
}
