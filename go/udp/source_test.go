package udp

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
)

// learnSource makes a station learn that peer sends to one of its addresses, and returns the endpoint for
// answers.
func learnSource(t *testing.T, s, peer *station, address string) *Endpoint {
	t.Helper()
	peer.send(t, s.at(t, address), []byte("hello"))
	learnt := s.next(t, 1)[0].from
	if learnt.SrcIP() != netip.MustParseAddr(address) {
		t.Fatalf("learnt the source %s, not %s", learnt.SrcIP(), address)
	}
	return learnt
}

// expectFrom waits for one datagram and its sender's address.
func expectFrom(t *testing.T, s *station, address string) {
	t.Helper()
	if got := s.next(t, 1)[0].from.DstIP(); got != netip.MustParseAddr(address) {
		t.Fatalf("the datagram came from %s, not from %s", got, address)
	}
}

func TestAnAnswerLeavesFromTheAddressToWhichThePeerSent(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "veth")
	here.ip(t, "addr add 10.0.0.1/24 dev veth", "addr add 10.0.0.2/24 dev veth",
		"addr add fd00::1/64 dev veth nodad", "addr add fd00::2/64 dev veth nodad")
	there.ip(t, "addr add 10.0.0.9/24 dev veth", "addr add fd00::9/64 dev veth nodad")
	s, peer := openStation(t, here), openStation(t, there)
	for _, address := range []string{"10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"} {
		s.send(t, learnSource(t, s, peer, address), []byte("answer"))
		expectFrom(t, peer, address)
	}
}

func TestLinkLocalPeersReachEachOther(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "veth")
	here.ip(t, "addr add fe80::1/64 dev veth nodad")
	there.ip(t, "addr add fe80::2/64 dev veth nodad")
	s, peer := openStation(t, here), openStation(t, there)
	peer.send(t, s.at(t, "fe80::1%veth"), []byte("hello"))
	answerTo := s.next(t, 1)[0].from
	again, err := s.ParseEndpoint(answerTo.DstToString())
	if err != nil {
		t.Fatal(err)
	}
	s.send(t, answerTo, []byte("answer"))
	s.send(t, again.(*Endpoint), []byte("again"))
	if got := peer.next(t, 2)[0].from.DstIP().WithZone(""); got != netip.MustParseAddr("fe80::1") {
		t.Fatalf("the answer came from %s", got)
	}
}

func TestASourceThatIsGoneIsDroppedAtOnceAndNoPacketIsLostOrSentTwice(t *testing.T) {
	families := []struct{ old, new, route string }{
		{"10.0.0.1", "10.0.1.1", "route replace 10.9.9.9/32 via 10.0.1.9"},
		{"fd00::1", "fd00:1::1", "route replace fd09::9/128 via fd00:1::9"},
	}
	for how, lines := range map[string][]string{
		"address removed":   {"addr del 10.0.0.1/24 dev one", "addr del fd00::1/64 dev one"},
		"interface deleted": {"link del one"},
	} {
		for _, family := range families {
			t.Run(how+" "+family.old, func(t *testing.T) {
				t.Parallel()
				here, there := twoWays(t)
				s, peer := openStation(t, here), openStation(t, there)
				learnt := learnSource(t, s, peer, family.old)
				s.send(t, learnt, []byte("answer"))
				expectFrom(t, peer, family.old)
				s.deafen(t) // The packets are on their way to the kernel before the change is noticed.
				here.ip(t, append(lines, family.route)...)

				packets := append(numbered(3, 100), numbered(70, 1000)...)
				s.send(t, learnt, packets...)
				for _, d := range peer.expectArrived(t, packets) {
					if got := d.from.DstIP().String(); got != family.new {
						t.Fatalf("a datagram came from %s, not from %s", got, family.new)
					}
				}
				if s.refuses(learnt.DstIP().String()) {
					t.Fatal("the source's end was taken for a refusal of segments")
				}
				if learnt.SrcIP().IsValid() {
					t.Fatalf("the source is still %s", learnt.SrcIP())
				}
			})
		}
	}
}

func TestAChangedRouteChangesTheIPv4SourceAndKeepsTheIPv6Source(t *testing.T) {
	for _, family := range []struct{ old, new, peer, change, back string }{
		{"10.0.0.1", "10.0.1.1", "10.9.9.9",
			"route replace 10.9.9.9/32 via 10.0.1.9", "route replace 10.9.9.9/32 via 10.0.0.9"},
		{"fd00::1", "fd00::1", "fd09::9",
			"route replace fd09::9/128 via fd00:1::9", "route replace fd09::9/128 via fd00::9"},
	} {
		t.Run(family.old, func(t *testing.T) {
			t.Parallel()
			here, there := twoWays(t)
			s, peer := openStation(t, here), openStation(t, there)
			learnt := learnSource(t, s, peer, family.old)
			if learnt.DstIP().String() != family.peer {
				t.Fatalf("the peer wrote from %s", learnt.DstIP())
			}
			s.send(t, learnt, []byte("answer"))
			expectFrom(t, peer, family.old)
			s.awaitRouteChange(t, func() { here.ip(t, family.change) })
			s.send(t, learnt, []byte("by the other link"))
			expectFrom(t, peer, family.new)
			s.awaitRouteChange(t, func() { here.ip(t, family.back) })
			s.send(t, learnt, []byte("by the first link again"))
			expectFrom(t, peer, family.old)
		})
	}
}

func TestALinkThatGoesDownChangesTheSource(t *testing.T) {
	for _, family := range []struct{ old, new, route string }{
		{"10.0.0.1", "10.0.1.1", "route replace 10.9.9.9/32 via 10.0.1.9"},
		{"fd00::1", "fd00:1::1", "route replace fd09::9/128 via fd00:1::9"},
	} {
		t.Run(family.old, func(t *testing.T) {
			t.Parallel()
			here, there := twoWays(t)
			s, peer := openStation(t, here), openStation(t, there)
			learnt := learnSource(t, s, peer, family.old)
			s.send(t, learnt, []byte("answer"))
			expectFrom(t, peer, family.old)
			s.awaitRouteChange(t, func() { here.ip(t, "link set one down", family.route) })
			s.send(t, learnt, []byte("by the other link"))
			expectFrom(t, peer, family.new)
		})
	}
}

func TestAChangedRuleOrMarkChangesTheSource(t *testing.T) {
	here, there := twoWays(t)
	here.ip(t, "route add 10.9.9.9/32 via 10.0.1.9 table 100")
	s, peer := openStation(t, here), openStation(t, there)

	learnt := learnSource(t, s, peer, "10.0.0.1")
	s.awaitRouteChange(t, func() { here.ip(t, "rule add fwmark 7 table 100") })
	s.send(t, learnt, []byte("the rule is for others"))
	expectFrom(t, peer, "10.0.0.1")

	if err := s.SetMark(7); err != nil {
		t.Fatal(err)
	}
	s.send(t, learnt, []byte("the rule is for us"))
	expectFrom(t, peer, "10.0.1.1")

	learnt = learnSource(t, s, peer, "10.0.1.1")
	s.awaitRouteChange(t, func() { here.ip(t, "rule del fwmark 7 table 100") })
	s.send(t, learnt, []byte("the rule is gone"))
	expectFrom(t, peer, "10.0.0.1")
}

func TestAnUnrelatedChangeKeepsTheSource(t *testing.T) {
	here, there := twoWays(t)
	here.ip(t, "addr add 10.0.0.2/24 dev one", "addr add fd00::2/64 dev one nodad")
	s, peer := openStation(t, here), openStation(t, there)
	// Neither is the address that the kernel would choose.
	for _, address := range []string{"10.0.0.2", "fd00::2"} {
		learnt := learnSource(t, s, peer, address)
		s.awaitRouteChange(t, func() {
			here.ip(t, "route add 10.77.0.0/16 dev two", "route add fd77::/64 dev two")
		})
		s.send(t, learnt, []byte("answer"))
		expectFrom(t, peer, address)
		here.ip(t, "route del 10.77.0.0/16 dev two", "route del fd77::/64 dev two")
	}
}

func TestSourcesMayBeClearedAndRoutesChangeWhileOthersSend(t *testing.T) {
	here, there := twoWays(t)
	s, peer := openStation(t, here), openStation(t, there)
	learnt := learnSource(t, s, peer, "10.0.0.1")
	known := learnt.source.Load()
	const rounds = 30
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for range rounds {
				if err := s.Send(numbered(2, 100), learnt); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Go(func() {
		for range rounds {
			learnt.ClearSrc()
			learnt.source.Store(known)
			_ = learnt.SrcToString()
		}
	})
	for i := range rounds {
		here.ip(t, fmt.Sprintf("route replace 10.9.9.9/32 via 10.0.%d.9", i%2))
	}
	workers.Wait()
	peer.next(t, 3*rounds*2)
}

// twoWays makes two namespaces with two links between them, and in the second a peer at 10.9.9.9 and
// fd09::9 that the first reaches through the first link. Neighbours need link-local addresses.
func twoWays(t *testing.T) (here, there *namespace) {
	t.Helper()
	here, there = newNamespace(t), newNamespace(t)
	connect(t, here, there, "one", "two")
	here.ip(t, "addr add fe80::1/64 dev one nodad", "addr add fe80::1/64 dev two nodad",
		"addr add 10.0.0.1/24 dev one", "addr add fd00::1/64 dev one nodad",
		"addr add 10.0.1.1/24 dev two", "addr add fd00:1::1/64 dev two nodad",
		"route add 10.9.9.9/32 via 10.0.0.9", "route add fd09::9/128 via fd00::9")
	there.ip(t, "addr add fe80::9/64 dev one nodad", "addr add fe80::9/64 dev two nodad",
		"addr add 10.0.0.9/24 dev one", "addr add fd00::9/64 dev one nodad",
		"addr add 10.0.1.9/24 dev two", "addr add fd00:1::9/64 dev two nodad",
		"addr add 10.9.9.9/32 dev lo", "addr add fd09::9/128 dev lo nodad",
		"route replace 10.0.0.0/24 dev one src 10.9.9.9", "route add fd00::/64 dev one src fd09::9 metric 1",
		"route replace 10.0.1.0/24 dev two src 10.9.9.9", "route add fd00:1::/64 dev two src fd09::9 metric 1")
	return here, there
}
