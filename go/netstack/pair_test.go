package netstack

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

// The addresses of the two devices of a pair.
var (
	near4 = netip.MustParseAddr("10.9.0.1")
	far4  = netip.MustParseAddr("10.9.0.2")
	near6 = netip.MustParseAddr("fd09::1")
	far6  = netip.MustParseAddr("fd09::2")
)

// testLimit bounds each wait of a test. A busy machine may take a while.
const testLimit = time.Minute

func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	t.Cleanup(cancel)
	return ctx
}

// readRoom is what a buffer of the engine has before a packet.
const readRoom = 16

// A wire carries packets from one device to another. Its filter, if any, decides what passes.
type wire struct {
	from, to *Device
	batch    int
	filter   func(packet []byte) bool
}

func (w wire) run() {
	bufs, sizes := make([][]byte, w.batch), make([]int, w.batch)
	for i := range bufs {
		bufs[i] = make([]byte, readRoom+inet.MaxPacket)
	}
	for {
		n, err := w.from.Read(bufs, sizes, readRoom)
		if err != nil {
			return
		}
		var passed [][]byte
		for i := range n {
			if packet := bufs[i][readRoom : readRoom+sizes[i]]; w.filter == nil || w.filter(packet) {
				passed = append(passed, bufs[i][:readRoom+sizes[i]])
			}
		}
		if len(passed) > 0 {
			_, _ = w.to.Write(passed, readRoom)
		}
	}
}

// newDevice returns a device that is closed at the end of the test.
func newDevice(t testing.TB, config Config, addresses ...netip.Addr) *Device {
	t.Helper()
	if config.MTU == 0 {
		config.MTU = 1420
	}
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.Close()
		d.Stack().Wait()
	})
	if err := d.SetAddresses(addresses); err != nil {
		t.Fatal(err)
	}
	return d
}

// connect joins two devices back to back until the end of the test.
func connect(t testing.TB, wires ...wire) {
	var running sync.WaitGroup
	for _, w := range wires {
		if w.batch == 0 {
			w.batch = w.from.BatchSize()
		}
		running.Go(w.run)
	}
	t.Cleanup(func() {
		for _, w := range wires {
			_ = w.from.Close()
		}
		running.Wait()
	})
}

// newPair returns two devices that reach each other, and nothing else.
func newPair(t testing.TB, config Config) (near, far *Device) {
	t.Helper()
	near, far = newUnconnectedPair(t, config)
	connect(t, wire{from: near, to: far}, wire{from: far, to: near})
	return near, far
}

// newUnconnectedPair returns two devices that have routes to each other, but no wire.
func newUnconnectedPair(t testing.TB, config Config) (near, far *Device) {
	t.Helper()
	testbed.CheckLeaks(t, "no interface")
	near, far = newDevice(t, config, near4, near6), newDevice(t, config, far4, far6)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32), netip.PrefixFrom(far6, 128)})
	far.SetRoutes([]netip.Prefix{netip.PrefixFrom(near4, 32), netip.PrefixFrom(near6, 128)})
	return near, far
}

// establish returns both ends of a connection from near to far.
func establish(t testing.TB, near, far *Device, address netip.Addr) (client, server *Conn) {
	t.Helper()
	listener, err := far.ListenTCP(netip.AddrPortFrom(address, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client, err = near.DialTCP(limited(t), netip.AddrPort{}, listener.Local()); err != nil {
		t.Fatal(err)
	}
	if server, err = listener.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(testLimit)
	for _, c := range []*Conn{client, server} {
		if err := c.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Abort() })
	}
	return client, server
}

func TestTCPCarriesBytesBothWays(t *testing.T) {
	near, far := newPair(t, Config{})
	for name, address := range map[string]netip.Addr{"IPv4": far4, "IPv6": far6} {
		t.Run(name, func(t *testing.T) {
			client, server := establish(t, near, far, address)
			if client.Remote().Addr() != address || server.Local() != client.Remote() || server.Remote() != client.Local() {
				t.Errorf("client %v to %v, server %v to %v", client.Local(), client.Remote(), server.Local(), server.Remote())
			}
			for _, pair := range [][2]*Conn{{client, server}, {server, client}} {
				if _, err := pair[0].Write([]byte("some bytes")); err != nil {
					t.Fatal(err)
				}
				if err := pair[0].CloseWrite(); err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(pair[1])
				if err != nil || string(got) != "some bytes" {
					t.Errorf("read %q, %v", got, err)
				}
			}
		})
	}
}

func TestUDPCarriesDatagrams(t *testing.T) {
	near, far := newPair(t, Config{})
	for name, ends := range map[string][2]netip.Addr{"IPv4": {near4, far4}, "IPv6": {near6, far6}} {
		t.Run(name, func(t *testing.T) {
			var sockets [2]*PacketConn
			for i, d := range []*Device{near, far} {
				socket, err := d.BindUDP(netip.AddrPortFrom(ends[i], 0))
				if err != nil {
					t.Fatal(err)
				}
				defer socket.Close()
				if err := socket.SetDeadline(time.Now().Add(testLimit)); err != nil {
					t.Fatal(err)
				}
				sockets[i] = socket
			}
			if _, err := sockets[0].WriteToAddrPort([]byte("a datagram"), sockets[1].LocalAddrPort()); err != nil {
				t.Fatal(err)
			}
			buffer := make([]byte, 100)
			n, from, err := sockets[1].ReadFromAddrPort(buffer)
			if err != nil || string(buffer[:n]) != "a datagram" || from != sockets[0].LocalAddrPort() {
				t.Errorf("read %q from %v, %v", buffer[:n], from, err)
			}
		})
	}
}

func TestPing(t *testing.T) {
	near, _ := newPair(t, Config{})
	for _, address := range []netip.Addr{far4, far6} {
		for _, size := range []int{0, 56, 5000} {
			if took, err := near.Ping(limited(t), address, size); err != nil || took <= 0 {
				t.Errorf("%v with %d bytes: %v, %v", address, size, took, err)
			}
		}
	}
}

// waitFor waits until a condition holds.
func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testLimit); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// expectBytes reads to the end, and compares.
func expectBytes(t testing.TB, from io.Reader, want []byte) {
	t.Helper()
	got, err := io.ReadAll(from)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, want %d, same %t: %v", len(got), len(want), bytes.Equal(got, want), err)
	}
}

// length returns how many packets wait.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}
