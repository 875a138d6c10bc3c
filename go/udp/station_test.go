package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"wg-bridge/go/inflight"
)

// A station is an open Bind in a namespace, and all that arrives at it.
type station struct {
	*Bind
	namespace *namespace
	port      uint16
	arrived   chan datagram
}

// A datagram is one that a station received. together is how many the same call of a ReceiveFunc returned.
type datagram struct {
	bytes    string
	from     *Endpoint
	together int
}

// openStation opens a Bind on a random port and receives until the test ends.
func openStation(t *testing.T, n *namespace) *station {
	t.Helper()
	return openStationWith(t, n, Config{Offloads: AllOffloads})
}

// openStationWith is openStation for a Bind that works as config says.
func openStationWith(t *testing.T, n *namespace, config Config) *station {
	t.Helper()
	s := &station{
		namespace: n,
		arrived:   make(chan datagram, 10_000),
	}
	s.Bind = NewBind(config)
	var receive []conn.ReceiveFunc
	n.run(t, func() (err error) {
		receive, s.port, err = s.Open(0)
		return err
	})
	var receivers sync.WaitGroup
	for _, f := range receive {
		receivers.Go(func() { s.receiveAll(t, f) })
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		receivers.Wait()
	})
	return s
}

func (s *station) receiveAll(t *testing.T, receive conn.ReceiveFunc) {
	buffers, sizes, endpoints := receiveBuffers(batchSize)
	for {
		count, err := receive(buffers, sizes, endpoints)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		for i := range count {
			s.arrived <- datagram{
				bytes: string(buffers[i][:sizes[i]]), from: endpoints[i].(*Endpoint), together: count,
			}
		}
	}
}

// receiveBuffers returns arguments for a ReceiveFunc, like the engine's.
func receiveBuffers(count int) ([][]byte, []int, []conn.Endpoint) {
	buffers := make([][]byte, count)
	for i := range buffers {
		buffers[i] = make([]byte, 65535)
	}
	return buffers, make([]int, count), make([]conn.Endpoint, count)
}

// next waits for count datagrams.
func (s *station) next(t *testing.T, count int) []datagram {
	t.Helper()
	expired := time.After(timeout)
	var datagrams []datagram
	for len(datagrams) < count {
		select {
		case d := <-s.arrived:
			datagrams = append(datagrams, d)
		case <-expired:
			t.Fatalf("%d of %d datagrams arrived", len(datagrams), count)
		}
	}
	return datagrams
}

// at returns the station's endpoint at one of its addresses.
func (s *station) at(t *testing.T, address string) *Endpoint {
	t.Helper()
	endpoint, err := s.ParseEndpoint(netip.AddrPortFrom(netip.MustParseAddr(address), s.port).String())
	if err != nil {
		t.Fatal(err)
	}
	return endpoint.(*Endpoint)
}

// send sends and expects no error.
func (s *station) send(t *testing.T, to *Endpoint, packets ...[]byte) {
	t.Helper()
	if err := s.Send(packets, to); err != nil {
		t.Fatal(err)
	}
}

// sendJoined sends packets to another station by one of its addresses, and expects that they travel as
// few messages.
func (s *station) sendJoined(t *testing.T, peer *station, address string) {
	t.Helper()
	packets := numbered(40, 1000)
	s.send(t, peer.at(t, address), packets...)
	if got := peer.expectArrived(t, packets)[0].together; got < 30 {
		t.Fatalf("to %s only %d packets came together", address, got)
	}
}

// refuses reports whether the station knows that the path to an address refuses segments.
func (s *station) refuses(address string) bool {
	return s.refusals.has(netip.MustParseAddr(address), s.generation.Load(), time.Now())
}

// awaitRouteChange runs change, which alters the routing, and waits until the station has noticed.
func (s *station) awaitRouteChange(t *testing.T, change func()) {
	t.Helper()
	before := s.generation.Load()
	change()
	for deadline := time.Now().Add(timeout); s.generation.Load() == before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the change of the routes was not noticed")
		}
	}
}

// deafen makes the station miss route changes.
func (s *station) deafen(t *testing.T) {
	t.Helper()
	opened := s.opened.Load()
	if err := opened.routes.close(); err != nil {
		t.Fatal(err)
	}
	opened.routes = nil
}

// numbered makes count different packets of size bytes.
func numbered(count, size int) [][]byte {
	packets := make([][]byte, count)
	for i := range packets {
		packets[i] = fmt.Appendf(nil, "%0*d", size, i)
	}
	return packets
}

// unmarked returns the ECN fields of packets whose transport does not support ECN.
func unmarked(packets [][]byte) []inflight.ECN { return make([]inflight.ECN, len(packets)) }

// expectArrived waits for exactly these packets in this order, and fails at any that follows.
func (s *station) expectArrived(t *testing.T, packets [][]byte) []datagram {
	t.Helper()
	datagrams := s.next(t, len(packets))
	for i, d := range datagrams {
		if d.bytes != string(packets[i]) {
			t.Fatalf("datagram %d is %.40q of %d bytes, not %.40q of %d bytes",
				i, d.bytes, len(d.bytes), packets[i], len(packets[i]))
		}
	}
	select {
	case d := <-s.arrived:
		t.Fatalf("an unexpected datagram: %.40q", d.bytes)
	default:
	}
	return datagrams
}
