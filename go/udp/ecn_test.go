package udp

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inflight"
	"wg-bridge/go/pollable"
)

// An ecnFamily is how a family's sockets mark datagrams, and report their marks.
type ecnFamily struct {
	network, address   string
	level, tos, tellIt int
}

var ecnFamilies = []ecnFamily{
	{"udp4", "127.0.0.1", unix.IPPROTO_IP, unix.IP_TOS, unix.IP_RECVTOS},
	{"udp6", "::1", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, unix.IPV6_RECVTCLASS},
}

// The inner packet decides, as RFC 6040 says, and not the previous mark.
func TestDatagramsLeaveWithTheMarksOfThePacketsInside(t *testing.T) {
	n := newNamespace(t)
	outbound := inflight.NewOutbound(256)
	s := openStationWith(t, n, Config{Offloads: AllOffloads, Outbound: outbound})
	for _, family := range ecnFamilies {
		var peer *socket
		n.run(t, func() (err error) { peer, err = listen(family.network, 0, 0, AllOffloads, t.Logf); return err })
		t.Cleanup(func() { peer.close() })
		err := pollable.Control(peer.raw, func(fd int) error {
			if err := unix.SetsockoptInt(fd, family.level, family.tos, int(inflight.Congested)); err != nil {
				return err
			}
			return unix.SetsockoptInt(fd, family.level, family.tellIt, 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		hello := []byte("hello, through congestion")
		at := netip.AddrPortFrom(netip.MustParseAddr(family.address), s.port)
		if _, err := peer.conn.WriteToUDPAddrPort(hello, at); err != nil {
			t.Fatal(err)
		}
		marked := s.next(t, 1)[0]
		if marked.bytes != string(hello) {
			t.Fatalf("of a datagram that met congestion %q arrived", marked.bytes)
		}
		for _, test := range []struct {
			marks, want []inflight.ECN // of packets, of messages
		}{
			{[]inflight.ECN{inflight.NotECT}, []inflight.ECN{inflight.NotECT}},
			{[]inflight.ECN{2, 2, 2, inflight.Congested, inflight.NotECT, inflight.NotECT, 1}, []inflight.ECN{2, inflight.Congested, inflight.NotECT, 1}},
		} {
			packets := inBuffers(numbered(len(test.marks), 1000))
			enter(outbound, packets, test.marks)
			s.send(t, marked.from, packets...)
			for _, want := range test.want {
				if got := tosOf(t, peer, family.level, family.tos); got != byte(want) {
					t.Errorf("to %s: the type of service is %#x, want %#x", family.address, got, want)
				}
			}
		}
	}
}

// inBuffers copies packets into buffers like the engine's.
func inBuffers(packets [][]byte) [][]byte {
	buffers, _, _ := receiveBuffers(len(packets))
	for i, packet := range packets {
		buffers[i] = buffers[i][:copy(buffers[i], packet)]
	}
	return buffers
}

// enter records that packets enter the engine.
func enter(outbound *inflight.Outbound, packets [][]byte, marks []inflight.ECN) {
	for i, packet := range packets {
		batch := inflight.NewBatch(outbound)
		batch.Begin()
		batch.Judge(inflight.Destination{1})
		batch.Take(marks[i])
		batch.Enter([][]byte{packet}, []int{len(packet)})
	}
}

func TestPacketsHaveTheMarksOfTheDatagramsTheyCameIn(t *testing.T) {
	n := newNamespace(t)
	for _, family := range ecnFamilies {
		for _, joined := range []bool{true, false} {
			r := listenAlone(t, n, family.network, Offloads{Segment: true, GRO: joined})
			inbound := inflight.NewInbound(256)
			r.inbound = inbound
			var from *socket
			n.run(t, func() (err error) { from, err = listen(family.network, 0, 0, AllOffloads, t.Logf); return err })
			t.Cleanup(func() { from.close() })
			batch := newSendBatch()
			batch.address(netip.AddrPortFrom(netip.MustParseAddr(family.address), r.socket.port()), 0)
			want := []inflight.ECN{2, 2, inflight.Congested, inflight.NotECT}
			batch.load(numbered(len(want), 100), want, nil, maxSegments)
			if _, _, err := batch.send(from.raw); err != nil {
				t.Fatal(err)
			}
			buffers, sizes, endpoints := receiveBuffers(batchSize)
			var got []inflight.ECN
			for len(got) < len(want) {
				count, err := r.receive(buffers, sizes, endpoints)
				if err != nil {
					t.Fatal(err)
				}
				marks := make([]inflight.ECN, count)
				inbound.Leave(buffers[:count], marks, make([]inflight.Wait, count))
				got = append(got, marks...)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, joined %v: marks %v, want %v", family.network, joined, got, want)
			}
		}
	}
}

// tosOf returns the type of service of the next message. Two of its bits are the ECN mark.
func tosOf(t *testing.T, s *socket, level, kind int) byte {
	t.Helper()
	buffer, control := make([]byte, maxDatagram), make([]byte, 256)
	_, n, _, _, err := s.conn.ReadMsgUDP(buffer, control)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if int(m.Header.Level) == level && int(m.Header.Type) == kind {
			return m.Data[0]
		}
	}
	t.Fatal("the kernel does not report the type of service")
	return 0
}
