package proxy

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"wg-bridge/go/resolve"
)

// asked is a resolver that knows one address for every name, and counts.
type asked struct{ times int }

func (a *asked) Lookup(context.Context, string, resolve.Family) ([]netip.Addr, error) {
	a.times++
	return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")}, nil
}

func TestAllowedTargets(t *testing.T) {
	for _, test := range []struct {
		entries []string
		host    string
		want    int // addresses
		asked   int
	}{
		{[]string{"10.0.0.0/8"}, "10.1.2.3", 1, 0},
		{[]string{"10.0.0.0/8"}, "::ffff:10.1.2.3", 1, 0},
		{[]string{"10.0.0.0/8"}, "11.1.2.3", 0, 0},
		{[]string{"10.0.0.0/8"}, "any.example", 1, 1},
		{[]string{"11.0.0.0/8"}, "any.example", 0, 1},
		{[]string{"any.example"}, "Any.Example.", 2, 1},
		{[]string{"any.example"}, "a.any.example", 0, 0},
		{[]string{"*.example"}, "a.b.EXAMPLE", 2, 1},
		{[]string{"*.example"}, "example", 0, 0},
		{[]string{"*.example"}, "badexample", 0, 0},
		{[]string{}, "any.example", 0, 0},
		{[]string{}, "10.0.0.1", 0, 0},
		{nil, "any.example", 2, 1},
	} {
		resolver, allowed := new(asked), new(Allowed)
		if test.entries != nil {
			if err := allowed.Set(test.entries); err != nil {
				t.Fatal(err)
			}
		}
		connector := Connector{Resolver: resolver, Allowed: allowed}
		addresses, err := connector.Lookup(t.Context(), test.host)
		if len(addresses) != test.want || resolver.times != test.asked ||
			(test.want == 0) != (errors.Is(err, ErrNotAllowed) && ReasonOf(err) == NotAllowed) {
			t.Errorf("%q with %q: %v, %v, asked %d times", test.host, test.entries, addresses, err, resolver.times)
		}
	}
	allowed := new(Allowed)
	for _, wrong := range []string{"", "*", "*.", "a b", "10.0.0.0/33", "*.*.example", "a/8"} {
		if err := allowed.Set([]string{"10.0.0.0/8", wrong}); err == nil {
			t.Errorf("accepted %q", wrong)
		}
	}
	if err := allowed.CheckAddress(netip.MustParseAddr("192.0.2.1")); err != nil {
		t.Errorf("what was refused changed something: %v", err)
	}
}
