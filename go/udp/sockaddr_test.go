package udp

import (
	"net/netip"
	"testing"
)

func TestASockaddrSaysWhatWasPutInWhateverWasThereBefore(t *testing.T) {
	var address sockaddr
	for _, text := range []string{
		"[2001:db8:1:2:3:4:5:6]:51820", "192.0.2.1:1", "[fd00:aa::2]:65535", "[fe80::1%7]:9",
	} {
		want := netip.MustParseAddrPort(text)
		scope, err := scopeOf(want.Addr())
		if err != nil {
			t.Fatal(err)
		}
		length := encodeSockaddr(&address, want, scope)
		if got := decodeSockaddr(&address, uint32(length)); got != want {
			t.Errorf("%s came back as %s", want, got)
		}
	}
}

func TestASockaddrThatIsCutShortOrUnknownIsNoAddress(t *testing.T) {
	var address sockaddr
	length := encodeSockaddr(&address, netip.MustParseAddrPort("192.0.2.1:1"), 0)
	for short := range uint32(length) {
		if got := decodeSockaddr(&address, short); got.IsValid() {
			t.Errorf("%d bytes of it are %s", short, got)
		}
	}
	if got := decodeSockaddr(&sockaddr{}, 28); got.IsValid() {
		t.Errorf("zeros are %s", got)
	}
}
