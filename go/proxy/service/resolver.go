package service

import (
	"context"
	"net/netip"
	"sync/atomic"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/host"
	"wg-bridge/go/resolve"
)

// A resolver asks inside the tunnel, or this machine's resolver if the operator wants that.
type resolver struct {
	inside proxy.Resolver
	host   atomic.Bool
}

// Lookup implements proxy.Resolver.
func (r *resolver) Lookup(ctx context.Context, name string, family resolve.Family) ([]netip.Addr, error) {
	if r.host.Load() {
		return host.Lookup(ctx, name, family)
	}
	return r.inside.Lookup(ctx, name, family)
}
