package udp

import (
	"net/netip"
	"testing"
	"time"
)

// behindANarrowLink makes a server and a client, with a router between them. The router's link to the server has an
// MTU of 1280, while both ends assume 1500.
func behindANarrowLink(t *testing.T) uplinks {
	t.Helper()
	u := newUplinks(t)
	u.server.ip(t, "addr add 10.0.0.1/24 dev one", "addr add fd00::1/64 dev one nodad",
		"route add default via 10.0.0.9", "route add default via fd00::9")
	u.router.ip(t, "addr add 10.0.0.9/24 dev one", "addr add fd00::9/64 dev one nodad",
		"link set one mtu 1280")
	return u
}

func TestDatagramsPassARouterWithASmallMTUThatSendsNoErrors(t *testing.T) {
	u := behindANarrowLink(t)
	// The router's own packets are dropped, those that it forwards are not.
	u.router.ip(t, "rule add iif lo prio 1 blackhole")
	s, client := openStation(t, u.server), openStation(t, u.client)
	for _, packets := range [][][]byte{numbered(1, 1400), numbered(40, 1400), numbered(5, 1200)} {
		client.send(t, s.at(t, "10.0.0.1"), packets...)
		s.expectArrived(t, packets)
	}
}

func TestDatagramsPassARouterWithASmallMTUThatSendsErrors(t *testing.T) {
	u := behindANarrowLink(t)
	s, client := openStation(t, u.server), openStation(t, u.client)
	for _, address := range []string{"10.0.0.1", "fd00::1"} {
		// IPv6 learns the path MTU from a packet that is lost.
		for deadline := time.Now().Add(timeout); len(s.arrived) == 0; {
			if time.Now().After(deadline) {
				t.Fatalf("no datagram to %s arrived", address)
			}
			client.send(t, s.at(t, address), numbered(1, 1400)...)
		}
		const last = "the last of these"
		client.send(t, s.at(t, address), []byte(last))
		for s.next(t, 1)[0].bytes != last {
		}
		for _, packets := range [][][]byte{numbered(1, 1400), numbered(40, 1400), numbered(5, 1200)} {
			client.send(t, s.at(t, address), packets...)
			s.expectArrived(t, packets)
		}
	}
}

func TestAPathWhoseMTUIsKnownGetsFragmentsOfThatSize(t *testing.T) {
	u := behindANarrowLink(t)
	u.router.ip(t, "rule add iif lo prio 1 blackhole")
	u.client.ip(t, "route add 10.0.0.1/32 via 10.9.9.1 mtu 1280", "route add fd00::1/128 via fd09::1 mtu 1280")
	s, client := openStation(t, u.server), openStation(t, u.client)
	for _, address := range []string{"10.0.0.1", "fd00::1"} {
		for _, packets := range [][][]byte{numbered(1, 1400), numbered(40, 1400), numbered(5, 1200)} {
			client.send(t, s.at(t, address), packets...)
			s.expectArrived(t, packets)
		}
		// Links report late that they came up, and such a change ends a refusal.
		if known := client.refusals.known.Load(); known == nil || (*known)[netip.MustParseAddr(address)] == (refusal{}) {
			t.Errorf("that %s refuses segments is not remembered", address)
		}
	}
}
