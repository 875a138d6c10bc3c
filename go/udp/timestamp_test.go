package udp

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"wg-bridge/go/inflight"
)

// awaitTimestamps returns once the kernel stamps what arrives, and keeps it doing so until the test ends. It begins some
// time after a first socket has asked for it (net_enable_timestamp), and until then stamps what is read.
func awaitTimestamps(t *testing.T, n *namespace) {
	t.Helper()
	r, peer := listenAlone(t, n, "udp4", AllOffloads), openStation(t, n)
	r.socket.enableTimestamps(t.Logf)
	buffers, _, _ := receiveBuffers(batchSize)
	for deadline := time.Now().Add(timeout); ; {
		peer.send(t, newEndpoint(r.endpointAt("127.0.0.1")), []byte("stamped?"))
		sent := time.Now()
		if err := r.wait(buffers); err != nil {
			t.Fatal(err)
		}
		if r.pending[0].stamp <= sent.UnixNano() {
			return
		}
		if sent.After(deadline) {
			t.Fatal("the kernel does not stamp what arrives")
		}
	}
}

// The datagrams lie in the socket until the receiver's clock says that as much time has passed.
func TestAPacketEntersWithTheTimeThatItWaitedInTheSocket(t *testing.T) {
	const pause = 700 * time.Millisecond
	n := newNamespace(t)
	awaitTimestamps(t, n)
	for _, family := range []struct{ network, address string }{{"udp4", "127.0.0.1"}, {"udp6", "::1"}} {
		for _, joined := range []bool{true, false} {
			r := listenAlone(t, n, family.network, Offloads{Segment: true, GRO: joined})
			r.socket.enableTimestamps(t.Logf)
			inbound := inflight.NewInbound(256)
			r.inbound = inbound
			var from *socket
			n.run(t, func() (err error) { from, err = listen(family.network, 0, 0, AllOffloads, t.Logf); return err })
			t.Cleanup(func() { from.close() })
			batch, packets := newSendBatch(), numbered(6, 100)
			batch.address(netip.AddrPortFrom(netip.MustParseAddr(family.address), r.socket.port()), 0)
			batch.load(packets, make([]inflight.ECN, len(packets)), nil, maxSegments)
			before := time.Now()
			if _, _, err := batch.send(from.raw); err != nil { // Loopback delivers before it returns.
				t.Fatal(err)
			}
			after := time.Now()
			r.now = func() time.Time { return after.Add(pause) }
			buffers, sizes, endpoints := receiveBuffers(batchSize)
			for got := 0; got < len(packets); {
				count, err := r.receive(buffers, sizes, endpoints)
				if err != nil {
					t.Fatal(err)
				}
				waited := make([]inflight.Wait, count)
				inbound.Leave(buffers[:count], make([]inflight.ECN, count), waited)
				for _, w := range waited {
					if least, most := inflight.WaitOf(pause), inflight.WaitOf(pause+after.Sub(before)); w < least || w > most {
						t.Errorf("%s, joined %v: a packet waited %v, want from %v to %v",
							family.network, joined, w.Duration(), least.Duration(), most.Duration())
					}
				}
				got += count
			}
		}
	}
}

func TestWithoutTimestampsNoPacketIsKnownToHaveWaited(t *testing.T) {
	n := newNamespace(t)
	peer := openStation(t, n)
	r := listenAlone(t, n, "udp4", AllOffloads)
	inbound := inflight.NewInbound(256)
	r.inbound = inbound
	peer.send(t, newEndpoint(r.endpointAt("127.0.0.1")), numbered(1, 100)...)
	buffers, sizes, endpoints := receiveBuffers(batchSize)
	count, err := r.receive(buffers, sizes, endpoints)
	if err != nil {
		t.Fatal(err)
	}
	waited := make([]inflight.Wait, count)
	if inbound.Leave(buffers[:count], make([]inflight.ECN, count), waited); waited[0] != 0 {
		t.Errorf("it waited %v", waited[0].Duration())
	}
}

func TestABindStampsIfItIsAskedTo(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		s := openStationWith(t, newNamespace(t), Config{Timestamps: wanted})
		opened := s.opened.Load()
		if opened.ipv4.stamped != wanted || opened.ipv6.stamped != wanted {
			t.Errorf("asked %v: %v, %v", wanted, opened.ipv4.stamped, opened.ipv6.stamped)
		}
	}
}

func TestATimestampOfEitherWidthIsDecoded(t *testing.T) {
	wide, narrow := make([]byte, 16), make([]byte, 8)
	binary.NativeEndian.PutUint64(wide, 1_800_000_000)
	binary.NativeEndian.PutUint64(wide[8:], 5)
	binary.NativeEndian.PutUint32(narrow, 1_800_000_000)
	binary.NativeEndian.PutUint32(narrow[4:], 5)
	for _, data := range [][]byte{wide, narrow} {
		if got := decodeTimestamp(data); got != 1_800_000_000_000_000_005 {
			t.Errorf("%d bytes: %d", len(data), got)
		}
	}
	if got := decodeTimestamp(wide[:7]); got != 0 {
		t.Errorf("too few bytes: %d", got)
	}
}

// Clocks are set while messages wait.
func TestAMessageFromTheFutureHasNotWaited(t *testing.T) {
	if got := waitSince(2_000_000_000, 1_000_000_000); got != 0 {
		t.Errorf("it waited %v", got.Duration())
	}
}
