package udp

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestAZoneIsAnInterfacesNameFirstAndThenItsIndex(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "veth", "100")
	// An interface that is called like the other one's index.
	veth := linkIndex(t, here, "veth")
	connect(t, here, there, fmt.Sprint(veth))
	s := openStation(t, here)
	for zone, want := range map[string]uint32{
		"veth":             veth,
		"100":              linkIndex(t, here, "100"),
		fmt.Sprint(veth):   linkIndex(t, here, fmt.Sprint(veth)),
		"1":                1,
		"4000000000":       4_000_000_000,
		"0123456789012345": 0, // longer than a name, and than an index
		"nothing":          0,
	} {
		e := newEndpoint(netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(zone), 1))
		if got, err := e.scope(s.opened.Load().ipv6); got != want || (err == nil) != (want != 0) {
			t.Errorf("the zone %s is the interface %d, %v; want %d", zone, got, err, want)
		}
	}
}

func TestAnAnswerGoesToTheInterfaceThatTheKernelNamedWhateverOthersAreCalled(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "veth")
	veth := fmt.Sprint(linkIndex(t, here, "veth"))
	connect(t, here, there, veth)
	for _, name := range []string{"veth", veth} {
		here.ip(t, "addr add fe80::1/64 dev "+name+" nodad")
		there.ip(t, "addr add fe80::2/64 dev "+name+" nodad")
	}
	s, peer := openStation(t, here), openStation(t, there)
	peer.send(t, s.at(t, "fe80::1%veth"), []byte("hello"))
	s.send(t, s.next(t, 1)[0].from, []byte("answer"))
	want := linkIndex(t, there, "veth")
	if got := peer.next(t, 1)[0].from; got.ifindex != want {
		t.Errorf("the answer came by the interface %d, not %d", got.ifindex, want)
	}
}
