package udp

import (
	"net/netip"
	"testing"
)

// of is the endpoint of a datagram from a sender.
func (c endpointCache) of(sender string, from source) *Endpoint {
	var address sockaddr
	length := encodeSockaddr(&address, netip.MustParseAddrPort(sender), 0)
	return c.endpoint(&address, uint32(length), from)
}

func TestEndpointsAreSharedOnlyWhileTheySayTheSame(t *testing.T) {
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
		t.Error("a packet that nobody has authenticated brought a cleared source back")
	}
	if again.SrcIP() != from.address || cache.of(peer, from) != again {
		t.Error("the endpoint in place of a cleared one is not shared")
	}
}

func TestAnySenderIsRememberedInBoundedMemory(t *testing.T) {
	cache := make(endpointCache)
	from := source{address: netip.MustParseAddr("192.0.2.9"), ifindex: 3}
	for n := range 3 * mostEndpoints {
		sender := netip.AddrPortFrom(pathNumber(n), 5).String()
		if first := cache.of(sender, from); cache.of(sender, from) != first || first.DstToString() != sender {
			t.Fatalf("sender %d is not remembered", n)
		}
		if len(cache) > mostEndpoints {
			t.Fatalf("%d endpoints are remembered, more than %d", len(cache), mostEndpoints)
		}
	}
}

func TestWhatHasNoSenderIsNotRemembered(t *testing.T) {
	cache := make(endpointCache)
	from := source{address: netip.MustParseAddr("192.0.2.9"), ifindex: 3}
	if e := cache.endpoint(new(sockaddr), 0, from); e.destination.IsValid() || len(cache) > 0 {
		t.Errorf("nobody is %s, and %d endpoints are remembered", e.DstToString(), len(cache))
	}
}
