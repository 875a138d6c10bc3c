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
		code, reason := resolve.TryAgain, "this machine's resolver: "+err.Error()
		var known *net.DNSError
		switch {
		case !errors.As(err, &known):
		case known.IsNotFound:
			code = resolve.NotFound
		case known.IsTimeout:
			reason = "this machine's resolver did not answer in time"
		}
		return nil, &resolve.Error{Code: code, Name: name, Reason: reason, Err: err}
	}
	for index, address := range addresses {
		addresses[index] = address.Unmap()
	}
	return addresses, nil
}
