package socks5

import (
	"bytes"
	"net/netip"
	"testing"
)

func FuzzDatagrams(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x0a\x00\x00\x09\x00\x35hello"))
	f.Add([]byte("\x00\x00\x00\x03\x0bwww.example\x00\x35hello"))
	f.Add(append(appendHeader(nil, netip.MustParseAddrPort("[fd00::9]:53")), "hello"...))
	f.Add([]byte("\x00\x00\x01\x01\x0a\x00\x00\x09\x00\x35fragment"))
	f.Fuzz(func(t *testing.T, data []byte) {
		kept := bytes.Clone(data)
		host, name, port, payload, err := parseDatagram(data)
		if !bytes.Equal(data, kept) {
			t.Error("reading it has changed it")
		}
		if err != nil {
			return
		}
		if host.IsValid() == (name != "") || !bytes.HasSuffix(data, payload) {
			t.Errorf("host %v, name %q, payload %q", host, name, payload)
		}
		if name != "" {
			return
		}
		again, _, againPort, rest, err := parseDatagram(append(appendHeader(nil, netip.AddrPortFrom(host, port)), payload...))
		if err != nil || again != host || againPort != port || !bytes.Equal(rest, payload) {
			t.Errorf("%v:%d came back as %v:%d, %v", host, port, again, againPort, err)
		}
	})
}

func FuzzRequests(f *testing.F) {
	f.Add([]byte("\x05\x01\x00\x01\x0a\x00\x00\x09\x00\x50rest"))
	f.Add([]byte("\x05\x03\x00\x03\x03a.b\x00\x50rest"))
	f.Add([]byte("\x05\x01\x00\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		from := bytes.NewReader(data)
		wanted, err := readRequest(from)
		if err != nil {
			return
		}
		used := len(data) - from.Len()
		// Nothing of the stream that follows may be used up.
		length := map[byte]int{1: 10, 4: 22}[data[3]]
		if data[3] == 3 {
			length = 7 + int(data[4])
		}
		if used != length || wanted.target.Host == "" {
			t.Errorf("used %d of %q for %+v, want %d", used, data, wanted, length)
		}
	})
}
