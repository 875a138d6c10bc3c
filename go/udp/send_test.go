package udp

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"

	"wg-bridge/go/pollable"
)

func TestSendingToBothFamiliesInTurnReachesBoth(t *testing.T) {
	n := newNamespace(t)
	n.ip(t, "addr add fd00:aa::2/128 dev lo nodad")
	s, peer := openStation(t, n), openStation(t, n)
	for range 50 {
		for _, address := range []string{"127.0.0.1", "fd00:aa::2"} {
			s.send(t, peer.at(t, address), []byte(address))
			if got := peer.next(t, 1)[0].bytes; got != address {
				t.Fatalf("what was sent to %s is %q", address, got)
			}
		}
	}
}

func TestAnyNumberOfPacketsArrivesInOrder(t *testing.T) {
	n := newNamespace(t)
	s, peer := openStation(t, n), openStation(t, n)
	for name, packets := range map[string][][]byte{
		"none":                       {},
		"one":                        numbered(1, 1420),
		"more than a message":        numbered(100, 500),
		"more than a batch":          numbered(3*batchSize+5, 200),
		"more bytes than a message":  numbered(60, 1420),
		"empty ones between":         {[]byte("a"), {}, []byte("b"), {}, {}, []byte("c")},
		"sizes that rise and fall":   slices.Concat(numbered(5, 100), numbered(5, 90), numbered(5, 200)),
		"the largest, and small":     slices.Concat(numbered(2, 65507), numbered(3, 100)),
		"too many bytes by the last": slices.Concat(numbered(2, 32000), numbered(1, 1508)),
	} {
		t.Run(name, func(t *testing.T) {
			for _, address := range []string{"127.0.0.1", "::1"} {
				s.send(t, peer.at(t, address), packets...)
				peer.expectArrived(t, packets)
			}
		})
	}
}

func TestPacketsAreSentWithoutBeingCopied(t *testing.T) {
	n := newNamespace(t)
	s, peer := openStation(t, n), openStation(t, n)
	// The bytes behind each packet belong to the engine.
	var packets, backing [][]byte
	for _, packet := range numbered(20, 1000) {
		buffer := append(packet, bytes.Repeat([]byte{'#'}, 60_000)...)
		backing = append(backing, buffer)
		packets = append(packets, buffer[:1000])
	}
	s.send(t, peer.at(t, "127.0.0.1"), packets...)
	peer.expectArrived(t, packets)
	for i, buffer := range backing {
		if len(bytes.Trim(buffer[1000:], "#")) > 0 {
			t.Fatalf("Send wrote behind packet %d", i)
		}
	}

	batch := newSendBatch()
	batch.address(netip.MustParseAddrPort("127.0.0.1:1"), 0)
	batch.load(packets, unmarked(packets), nil, maxSegments)
	if len(batch.groups) != 1 || batch.messages[0].Hdr.Iovlen != 20 {
		t.Fatalf("%d messages, the first of %d pieces", len(batch.groups), batch.messages[0].Hdr.Iovlen)
	}
	for i, packet := range packets {
		if batch.pieces[i].Base != &packet[0] {
			t.Fatalf("packet %d was copied", i)
		}
	}
}

func TestAPathWithASmallMTUStillGetsEveryPacketAndOtherPathsKeepOffload(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "wide", "narrow")
	for i, n := range []*namespace{here, there} {
		host := string(rune('1' + i))
		n.ip(t, "link set narrow mtu 1280",
			"addr add 10.0.0."+host+"/24 dev wide", "addr add fd00::"+host+"/64 dev wide nodad",
			"addr add 10.0.1."+host+"/24 dev narrow", "addr add fd00:1::"+host+"/64 dev narrow nodad")
	}
	s, peer := openStation(t, here), openStation(t, there)
	packets := numbered(40, 1400)
	for _, paths := range [][2]string{{"10.0.1.2", "10.0.0.2"}, {"fd00:1::2", "fd00::2"}} {
		for range 2 {
			s.send(t, peer.at(t, paths[0]), packets...)
			peer.expectArrived(t, packets)
			// Links report late that they came up, and such a change ends a refusal.
			if known := s.refusals.known.Load(); known == nil || (*known)[netip.MustParseAddr(paths[0])] == (refusal{}) {
				t.Fatal("that the narrow path refuses segments is not remembered")
			}
			s.sendJoined(t, peer, paths[1])
		}
	}
	// A larger path MTU is a change of the routes.
	there.ip(t, "link set narrow mtu 1500")
	s.awaitRouteChange(t, func() { here.ip(t, "link set narrow mtu 1500") })
	for _, address := range []string{"10.0.1.2", "fd00:1::2"} {
		s.sendJoined(t, peer, address)
	}
}

func TestAPathThatRefusesSegmentsGetsThemAgainWhenRoutesChangeOrTimeHasPassed(t *testing.T) {
	n := newNamespace(t)
	s, peer := openStation(t, n), openStation(t, n)
	packets := numbered(40, 1000)
	// On the namespace's thread, the kernel fails a call with one message: the one of 40 packets.
	n.refuse(t, unix.SYS_SENDMMSG, 2, 1, unix.EIO)
	for name, end := range map[string]func(){
		"other routes": func() { s.generation.Add(1) },
		"a minute": func() {
			s.refusals.add(netip.MustParseAddr("127.0.0.1"), s.generation.Load(), time.Now().Add(-refusalLifetime))
		},
	} {
		n.run(t, func() error { return s.Send(packets, peer.at(t, "127.0.0.1")) })
		peer.expectArrived(t, packets)
		s.send(t, peer.at(t, "127.0.0.1"), packets...)
		if got := peer.expectArrived(t, packets)[0].together; got > coalescedMessages {
			t.Fatalf("%d packets came together: segments were sent to a path that had refused them", got)
		}
		for _, other := range []string{"127.0.0.2", "::1"} {
			s.sendJoined(t, peer, other)
		}
		if end(); s.refuses("127.0.0.1") {
			t.Fatalf("a refusal outlasts %s", name)
		}
		s.sendJoined(t, peer, "127.0.0.1")
	}
	// An error that is not about segments stays an error.
	n.run(t, func() error {
		if err := s.Send(packets[:1], peer.at(t, "127.0.0.1")); !errors.Is(err, syscall.EIO) {
			t.Errorf("sending one packet returns %v", err)
		}
		return nil
	})
}

func TestErrorsThatSinglePacketsMeetTooAreNotRefusalsOfSegments(t *testing.T) {
	n := newNamespace(t)
	s, peer := openStation(t, n), openStation(t, n)
	n.refuse(t, unix.SYS_SENDMMSG, 3, unix.MSG_DONTWAIT, unix.EINVAL) // every call
	n.run(t, func() error {
		if err := s.Send(numbered(40, 1000), peer.at(t, "127.0.0.1")); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("Send returns %v", err)
		}
		return nil
	})
	if s.refuses("127.0.0.1") {
		t.Error("they are remembered as one")
	}
}

func TestASocketThatRefusesSegmentsForAnotherReasonKeepsItsSource(t *testing.T) {
	n := newNamespace(t)
	s, peer := openStation(t, n), openStation(t, n)
	learnt := learnSource(t, s, peer, "127.0.0.5")
	// Without checksums the kernel refuses segments with EINVAL, as it also refuses a source that is gone.
	err := pollable.Control(s.opened.Load().ipv4.raw, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	packets := numbered(40, 1000)
	s.send(t, learnt, packets...)
	for _, d := range peer.expectArrived(t, packets) {
		if d.from.DstIP() != netip.MustParseAddr("127.0.0.5") {
			t.Fatalf("a datagram came from %s", d.from.DstIP())
		}
	}
}

func TestAPacketThatIsTooBigIsSkippedAndTheRestArrives(t *testing.T) {
	n := newNamespace(t)
	s, peer := openStation(t, n), openStation(t, n)
	for _, address := range []string{"127.0.0.1", "::1"} {
		small := numbered(20, 1000)
		packets := slices.Concat(small[:10], numbered(1, 66_000), small[10:])
		if err := s.Send(packets, peer.at(t, address)); !errors.Is(err, syscall.EMSGSIZE) {
			t.Fatalf("Send returns %v", err)
		}
		peer.expectArrived(t, small)
	}
}

func TestAnUnreachableEndpointIsAnError(t *testing.T) {
	s := openStation(t, newNamespace(t))
	err := s.Send(numbered(10, 100), newEndpoint(netip.MustParseAddrPort("10.1.2.3:9")))
	const want = "udp: send to 10.1.2.3:9: packets not sent (10): sendmmsg: network is unreachable"
	if err == nil || err.Error() != want || !errors.Is(err, syscall.ENETUNREACH) {
		t.Fatalf("Send returns %v", err)
	}
}

func TestAnEndpointOfAnotherBindTypeIsAnError(t *testing.T) {
	s := openStation(t, newNamespace(t))
	if err := s.Send(nil, &conn.StdNetEndpoint{}); !errors.Is(err, conn.ErrWrongEndpointType) {
		t.Fatalf("Send returns %v", err)
	}
}

func TestAZoneWithoutAnInterfaceIsAnError(t *testing.T) {
	s := openStation(t, newNamespace(t))
	if err := s.Send(numbered(1, 1), s.at(t, "fe80::1%nothing")); err == nil {
		t.Fatal("Send returns no error")
	}
}
