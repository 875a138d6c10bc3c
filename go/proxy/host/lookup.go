package host

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"wg-bridge/go/resolve"
)

// Lookup asks this machine's resolver for the addresses of a name. Whoever sees its questions learns where clients go:
// it is only for operators who ask for exactly that.
func Lookup(ctx context.Context, name string, family resolve.Family) ([]netip.Addr, error) {
	network := map[resolve.Family]string{resolve.IPv4: "ip4", resolve.IPv6: "ip6"}[family]
	if network == "" {
		network = "ip"
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, network, name)
	if err != nil {
		code := resolve.TryAgain
		var known *net.DNSError
		if errors.As(err, &known) && known.IsNotFound {
			code = resolve.NotFound
		}
		return nil, &resolve.Error{Code: code, Name: name, Reason: "this machine's resolver: " + err.Error(), Err: err}
	}
	for index, address := range addresses {
		addresses[index] = address.Unmap()
	}
	return addresses, nil
}
