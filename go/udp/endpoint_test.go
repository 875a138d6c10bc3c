package udp

import (
	"bytes"
	"testing"
)

func TestEndpointsAreReadAsTheyAreWritten(t *testing.T) {
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

func TestWhatIsNoAddressAndPortIsAnError(t *testing.T) {
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
