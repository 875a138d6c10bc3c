package udp

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestControlMessagesAreDecodedAsTheyWereEncoded(t *testing.T) {
	// Only a link-local IPv6 address needs its interface; any other source would be bound to it.
	for address, ifindex := range map[string]uint32{
		"192.0.2.1": 0, "169.254.0.1": 0, "2001:db8::1": 0, "fe80::1": 0x01020304,
	} {
		from := source{address: netip.MustParseAddr(address), ifindex: 0x01020304}
		var buffer controlBuffer
		control := appendSegmentSize(appendSource(buffer[:0], &from), 1452)
		if &control[0] != &buffer[0] {
			t.Fatal("a control buffer is too small")
		}
		want := source{address: from.address, ifindex: ifindex}
		if got := decodeControl(control); got.source != want {
			t.Errorf("%v came back as %v, not as %v", from, got.source, want)
		}
	}
}

func TestWithoutControlMessagesNothingIsDecoded(t *testing.T) {
	if got := decodeControl(nil); got != (received{}) {
		t.Errorf("nothing came back as %v", got)
	}
}

func TestDamagedControlMessagesAreSurvived(t *testing.T) {
	rounds(t, func(random *rand.Rand) {
		var buffer controlBuffer
		control := appendSource(buffer[:0], &source{address: netip.IPv6Loopback(), ifindex: 1})
		control = appendSource(control, &source{address: netip.AddrFrom4([4]byte{1}), ifindex: 1})
		for range random.IntN(4) {
			control[random.IntN(len(control))] = byte(random.Uint32())
		}
		decodeControl(control[:random.IntN(len(control)+1)])
	})
}
