package udp

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
)

func TestEndpointsAreFormattedAsTheyAreParsed(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1:51820":          "192.0.2.1:51820",
		"[2001:db8::1]:1":          "[2001:db8::1]:1",
		"[fe80::1%eth0]:9":         "[fe80::1%eth0]:9",
		"[::ffff:192.0.2.1]:51820": "192.0.2.1:51820",
	} {
		endpoint, err := NewBind(Config{}).ParseEndpoint(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := endpoint.DstToString(); got != want {
			t.Errorf("%s is written as %s", text, got)
		}
		if endpoint.SrcIP().IsValid() {
			t.Errorf("%s has the source %s before anything arrived", text, endpoint.SrcToString())
		}
	}
}

func TestOnlyAnAddressAndPortAreParsed(t *testing.T) {
	for _, text := range []string{"", "192.0.2.1", "example.com:1", "192.0.2.1:65536", "2001:db8::1:1"} {
		if endpoint, err := NewBind(Config{}).ParseEndpoint(text); err == nil {
			t.Errorf("%q is read as %s", text, endpoint.DstToString())
		}
	}
}

func TestCookiesDependOnAddressAndPort(t *testing.T) {
	first, _ := NewBind(Config{}).ParseEndpoint("192.0.2.1:1")
	for _, text := range []string{"192.0.2.1:2", "192.0.2.2:1", "[2001:db8::1]:1"} {
		other, _ := NewBind(Config{}).ParseEndpoint(text)
		if bytes.Equal(first.DstToBytes(), other.DstToBytes()) {
			t.Errorf("192.0.2.1:1 and %s are the same to a cookie", text)
		}
	}
}

// of returns the endpoint of a datagram from a sender.
func (c endpointCache) of(sender string, from source) *Endpoint {
	var address sockaddr
	length := encodeSockaddr(&address, netip.MustParseAddrPort(sender), 0)
	return c.endpoint(&address, uint32(length), from)
}

func TestEndpointsAreSharedOnlyWhileTheirSourceIsTheSame(t *testing.T) {
	cache := make(endpointCache)
	const peer, other = "192.0.2.1:5", "192.0.2.1:6"
	from := source{address: netip.MustParseAddr("192.0.2.9"), ifindex: 3}
	first, second := cache.of(peer, from), cache.of(other, from)
	if first == second {
		t.Error("two senders share an endpoint")
	}
	if cache.of(peer, from) != first || cache.of(other, from) != second {
		t.Error("the same sender and source made another endpoint")
	}
	moved, elsewhere := from, from
	moved.ifindex, elsewhere.address = 4, netip.MustParseAddr("192.0.2.10")
	for _, change := range []source{moved, elsewhere, {}, {address: netip.IPv4Unspecified()}} {
		if cache.of(peer, from) == cache.of(peer, change) {
			t.Errorf("%v and %v share an endpoint", from, change)
		}
	}
	if got := first.SrcIP(); got != from.address {
		t.Errorf("an endpoint in use was changed, to %s", got)
	}
	cleared := cache.of(peer, from)
	cleared.ClearSrc()
	again := cache.of(peer, from)
	if again == cleared || cleared.SrcIP().IsValid() {
		t.Error("a packet that is not authenticated restored a cleared source")
	}
	if again.SrcIP() != from.address || cache.of(peer, from) != again {
		t.Error("the endpoint in place of a cleared one is not shared")
	}
}

func TestAnySenderIsCachedInBoundedMemory(t *testing.T) {
	cache := make(endpointCache)
	from := source{address: netip.MustParseAddr("192.0.2.9"), ifindex: 3}
	for n := range 3 * maxEndpoints {
		sender := netip.AddrPortFrom(pathNumber(n), 5).String()
		if first := cache.of(sender, from); cache.of(sender, from) != first || first.DstToString() != sender {
			t.Fatalf("sender %d is not remembered", n)
		}
		if len(cache) > maxEndpoints {
			t.Fatalf("%d endpoints are remembered, more than %d", len(cache), maxEndpoints)
		}
	}
}

func TestADatagramWithoutASenderIsNotCached(t *testing.T) {
	cache := make(endpointCache)
	from := source{address: netip.MustParseAddr("192.0.2.9"), ifindex: 3}
	if e := cache.endpoint(new(sockaddr), 0, from); e.destination.IsValid() || len(cache) > 0 {
		t.Errorf("without a sender the endpoint is %s, and %d are cached", e.DstToString(), len(cache))
	}
}

func TestAZoneIsAnInterfacesNameFirstAndThenItsIndex(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "veth", "100")
	// an interface whose name is the other one's index
	veth := linkIndex(t, here, "veth")
	connect(t, here, there, fmt.Sprint(veth))
	s := openStation(t, here)
	for zone, want := range map[string]uint32{
		"veth":             veth,
		"100":              linkIndex(t, here, "100"),
		fmt.Sprint(veth):   linkIndex(t, here, fmt.Sprint(veth)),
		"1":                1,
		"4000000000":       4_000_000_000,
		"0123456789012345": 0, // too long for a name and for an index
		"nothing":          0,
	} {
		e := newEndpoint(netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(zone), 1))
		if got, err := e.scope(s.opened.Load().ipv6); got != want || (err == nil) != (want != 0) {
			t.Errorf("the zone %s is the interface %d, %v; want %d", zone, got, err, want)
		}
	}
}

func TestAnAnswerLeavesByTheInterfaceThatTheKernelReportedWhateverOthersAreCalled(t *testing.T) {
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
