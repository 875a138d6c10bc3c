package service

import (
	"encoding/json"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzSpecs reads what a station's client may send. Each entry has a door, no two doors have one place, and what is wrong
// is EINVAL.
func FuzzSpecs(f *testing.F) {
	for _, text := range []string{
		`{}`,
		`{"socks5":[{"listen":"127.0.0.1:1080","users":"ann:secret\n"}],"http":[{"listen":"127.0.0.1:1080"}]}`,
		`{"socks5":[{"listen":"127.0.0.1:0"},{"listen":"127.0.0.1:0"}],"http":[{"listen":"127.0.0.1:0"}]}`,
		`{"forward":[{"protocol":"udp","listen":"[::1]:53","target":"10.0.0.1:53"},{"protocol":"tcp","listen":"unix:/a","target":"b:1"}]}`,
		`{"expose":[{"protocol":"tcp","port":80,"target":"unix:/a"},{"protocol":"udp","port":80,"target":"localhost:80"}]}`,
		`{"http":[{"listen":"unix:/a"}],"forward":[{"protocol":"tcp","listen":"unix:/a","target":"b:1"}]}`,
		`{"allow":["10.0.0.0/8","*.example.org"],"hostDns":true}`,
		`{"allow":["10.0.0.0/99"]}`,
		`{"http":[{"listen":"127.0.0.1:1","users":"no colon"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var spec Spec
		if json.Unmarshal(text, &spec) != nil {
			return
		}
		planned, err := read(spec)
		if err != nil {
			if !errors.Is(err, unix.EINVAL) {
				t.Errorf("%v is not EINVAL", err)
			}
			return
		}
		for name, counts := range map[string][2]int{
			"socks5": {len(spec.SOCKS5), len(planned.socks5)}, "http": {len(spec.HTTP), len(planned.http)},
			"forward": {len(spec.Forward), len(planned.forward)}, "expose": {len(spec.Expose), len(planned.expose)},
		} {
			if counts[0] != counts[1] {
				t.Errorf("%d of %s have %d doors", counts[0], name, counts[1])
			}
		}
		places, keys := map[string]bool{}, map[string]bool{}
		for _, w := range planned.wants {
			if places[w.place] || keys[w.key] {
				t.Errorf("%q or %q is there twice", w.place, w.key)
			}
			places[w.place], keys[w.key] = true, true
		}
		again, err := read(spec)
		if err != nil || len(again.wants) != len(planned.wants) {
			t.Fatalf("read again: %v", err)
		}
		for index, w := range again.wants {
			if w.key != planned.wants[index].key {
				t.Errorf("the key %q became %q: a reload would close the door", planned.wants[index].key, w.key)
			}
		}
	})
}
