package udp

import (
	"net/netip"
	"testing"
)

func TestASockaddrIsDecodedAsItWasEncodedWhateverItHeldBefore(t *testing.T) {
	var address sockaddr
	for _, c := range []struct {
		text  string
		scope uint32
	}{
		{"[2001:db8:1:2:3:4:5:6]:51820", 0}, {"192.0.2.1:1", 0}, {"[fd00:aa::2]:65535", 0}, {"[fe80::1%7]:9", 7},
	} {
		want := netip.MustParseAddrPort(c.text)
		length := encodeSockaddr(&address, want, c.scope)
		if got, scope := decodeSockaddr(&address, uint32(length)); got != want || scope != c.scope {
			t.Errorf("%s came back as %s of interface %d", want, got, scope)
		}
	}
}

func TestATruncatedOrUnknownSockaddrIsInvalid(t *testing.T) {
	var address sockaddr
	length := encodeSockaddr(&address, netip.MustParseAddrPort("192.0.2.1:1"), 0)
	for short := range uint32(length) {
		if got, _ := decodeSockaddr(&address, short); got.IsValid() {
			t.Errorf("%d bytes of it are %s", short, got)
		}
	}
	if got, _ := decodeSockaddr(&sockaddr{}, 28); got.IsValid() {
		t.Errorf("zeros are %s", got)
	}
}
