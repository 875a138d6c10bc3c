package proxytest

import (
	"context"
	"net/netip"

	"wg-bridge/go/resolve"
)

// Names is a resolver that knows these names.
type Names map[string][]netip.Addr

// Lookup returns the addresses of a name.
func (n Names) Lookup(_ context.Context, name string, family resolve.Family) ([]netip.Addr, error) {
	var found []netip.Addr
	for _, address := range n[name] {
		if family == resolve.Any || address.Is4() == (family == resolve.IPv4) {
			found = append(found, address)
		}
	}
	if len(found) == 0 {
		return nil, &resolve.Error{Code: resolve.NotFound, Name: name, Reason: "the name does not exist"}
	}
	return found, nil
}
