package udp

import (
	"net/netip"
	"slices"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
)

func TestAJoinedMessageIsSplitAndEveryPartHasItsSource(t *testing.T) {
	n := newNamespace(t)
	n.ip(t, "addr add fd00::5/128 dev lo nodad")
	s, peer := openStation(t, n), openStation(t, n)
	for _, address := range []string{"127.0.0.5", "fd00::5"} {
		packets := append(numbered(39, 1000), []byte("shorter"))
		peer.send(t, s.at(t, address), packets...)
		for i, d := range s.expectArrived(t, packets) {
			if d.together != len(packets) {
				t.Fatalf("%d datagrams came together: the kernel has not joined them", d.together)
			}
			if d.from.SrcIP() != netip.MustParseAddr(address) {
				t.Fatalf("part %d was written to %s, not to %s", i, address, d.from.SrcIP())
			}
			s.send(t, d.from, []byte("answer"))
			expectFrom(t, peer, address)
		}
	}
}

func TestTheKernelReportsHowItJoinedDatagrams(t *testing.T) {
	n := newNamespace(t)
	peer := openStation(t, n)
	r := listenAlone(t, n, "udp4", AllOffloads)
	peer.send(t, newEndpoint(r.endpointAt("127.0.0.1")), numbered(40, 1000)...)
	buffers, _, _ := receiveBuffers(batchSize)
	if err := r.wait(buffers); err != nil {
		t.Fatal(err)
	}
	if got := r.pending[0]; got.segmentSize != 1000 || len(got.bytes) != 40_000 {
		t.Fatalf("a message of %d bytes in segments of %d", len(got.bytes), got.segmentSize)
	}
	if &r.pending[0].bytes[0] == &buffers[0][0] {
		t.Fatal("a joined message was read into a buffer of the engine")
	}
}

func TestWhatDoesNotFitInTheBuffersComesWithTheNextCall(t *testing.T) {
	n := newNamespace(t)
	peer := openStation(t, n)
	packets := slices.Concat(numbered(64, 900), numbered(64, 800), numbered(64, 700), numbered(1, 10))
	for _, count := range []int{1, 7, 100, batchSize} {
		r := listenAlone(t, n, "udp4", AllOffloads)
		peer.send(t, newEndpoint(r.endpointAt("127.0.0.1")), packets...)
		buffers, sizes, endpoints := receiveBuffers(count)
		for got := 0; got < len(packets); {
			filled, err := r.receive(buffers, sizes, endpoints)
			if err != nil {
				t.Fatal(err)
			}
			for i := range filled {
				if string(buffers[i][:sizes[i]]) != string(packets[got]) {
					t.Fatalf("with %d buffers datagram %d is wrong", count, got)
				}
				got++
			}
		}
	}
}

func TestReceivingWorksWithoutCoalescing(t *testing.T) {
	n := newNamespace(t)
	peer := openStation(t, n)
	r := listenAlone(t, n, "udp4", Offloads{Segment: true})
	packets := numbered(batchSize, 1000)
	peer.send(t, newEndpoint(r.endpointAt("127.0.0.5")), packets...)
	buffers, sizes, endpoints := receiveBuffers(batchSize)
	count, err := r.receive(buffers, sizes, endpoints)
	if err != nil || count != batchSize {
		t.Fatalf("received %d datagrams, %v", count, err)
	}
	for i := range count {
		if string(buffers[i][:sizes[i]]) != string(packets[i]) {
			t.Fatalf("datagram %d is wrong", i)
		}
		if source := endpoints[i].SrcIP(); source != netip.MustParseAddr("127.0.0.5") {
			t.Fatalf("datagram %d has the source %s", i, source)
		}
	}
}

func TestADatagramLongerThanItsBufferIsLostAlone(t *testing.T) {
	n := newNamespace(t)
	peer := openStation(t, n)
	r := listenAlone(t, n, "udp4", AllOffloads)
	to := newEndpoint(r.endpointAt("127.0.0.1"))
	peer.send(t, to, numbered(1, 2000)...)
	peer.send(t, to, []byte("short"))
	buffers, sizes := [][]byte{make([]byte, 1000), make([]byte, 1000)}, make([]int, 2)
	count, err := r.receive(buffers, sizes, make([]conn.Endpoint, 2))
	if err != nil || count != 2 || sizes[0] != 0 || string(buffers[1][:sizes[1]]) != "short" {
		t.Fatalf("received %d datagrams of sizes %d, %v", count, sizes, err)
	}
}

// A lone is a receiver whose socket does not belong to a Bind.
type lone struct{ *receiver }

func (l lone) endpointAt(address string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(address), l.socket.port())
}

// listenAlone opens a socket with some of the offloads.
func listenAlone(t *testing.T, n *namespace, network string, offloads Offloads) lone {
	t.Helper()
	var s *socket
	n.run(t, func() (err error) { s, err = listen(network, 0, 0, offloads, t.Logf); return err })
	t.Cleanup(func() { s.close() })
	return lone{newReceiver(s, nil, failures{})}
}
