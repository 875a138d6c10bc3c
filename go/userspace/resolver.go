package userspace

import (
	"context"
	"errors"
	"net/netip"

	"wg-bridge/go/netstack"
	"wg-bridge/go/proxy/userspace"
	"wg-bridge/go/resolve"
	"wg-bridge/go/station"
	"wg-bridge/go/tunnel"
)

// A resolver looks names up through a userspace network, for its station.
type resolver struct{ *resolve.Resolver }

func newResolver(network *netstack.Device, log tunnel.Log) resolver {
	return resolver{resolve.New(resolve.Config{Network: userspace.Network(network), Logf: log.Verbosef})}
}

func (r resolver) Lookup(ctx context.Context, name string, family int) ([]netip.Addr, error) {
	addresses, err := r.Resolver.Lookup(ctx, name, resolve.Family(family))
	var reason *resolve.Error
	if errors.As(err, &reason) {
		return nil, &station.NameError{Code: reason.Code, Err: err}
	}
	return addresses, err
}

func (r resolver) Failures() resolve.Reasons { return r.Stats().Reasons }
