package userspace

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"wg-bridge/go/netstack"
	"wg-bridge/go/resolve"
	"wg-bridge/go/station"
	"wg-bridge/go/tunnel"
)

// A resolver looks names up through a userspace network, for its station.
type resolver struct{ *resolve.Resolver }

func newResolver(network *netstack.Device, log tunnel.Log) resolver {
	return resolver{resolve.New(resolve.Config{Network: resolverNetwork{network}, Logf: log.Verbosef})}
}

func (r resolver) Lookup(ctx context.Context, name string, family int) ([]netip.Addr, error) {
	addresses, err := r.Resolver.Lookup(ctx, name, resolve.Family(family))
	var reason *resolve.Error
	if errors.As(err, &reason) {
		return nil, &station.NameError{Code: reason.Code, Err: err}
	}
	return addresses, err
}

// A resolverNetwork is what of a network package resolve uses.
type resolverNetwork struct{ *netstack.Device }

func (n resolverNetwork) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	conn, err := n.Device.DialTCP(ctx, netip.AddrPort{}, remote)
	if err != nil {
		return nil, err // not a nil *netstack.Conn
	}
	return conn, nil
}

func (n resolverNetwork) BindUDP(local netip.AddrPort) (resolve.PacketConn, error) {
	socket, err := n.Device.BindUDP(local)
	if err != nil {
		return nil, err
	}
	return socket, nil
}
