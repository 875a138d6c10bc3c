// Package proxy holds what the proxies of a tunnel share: how they connect to a target, relay bytes, know their users
// and count. Package socks5, http and forward are the proxies.
//
// No proxy can reach the host's network. Each is given the listener that it serves, a Network of the tunnel, and a
// Resolver that asks inside the tunnel; what the operator has opened on this machine comes from package host.
package proxy

import (
	"context"
	"net"
	"net/netip"

	"wg-bridge/go/resolve"
)

// A Dialer connects to hosts in the tunnel. Its errors wrap the errno that the kernel would report, such as
// ECONNREFUSED, and EHOSTUNREACH at once for what no allowed IP holds.
//
// A connection that has the methods CloseWrite, Abort (reset it), SetKeepAlive and WaitReadable of netstack.Conn is
// half-closed, reset, watched while it is idle, and waited for without a buffer.
type Dialer interface {
	DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error)
}

// A Network is the whole tunnel: it also accepts connections and has UDP sockets.
type Network interface {
	Dialer
	// BindUDP opens a UDP socket. If the address is unspecified or the port is 0, the network chooses.
	BindUDP(local netip.AddrPort) (PacketConn, error)
	// ListenTCP listens at an address of the tunnel. If the port is 0, the network chooses.
	ListenTCP(local netip.AddrPort, backlog int) (net.Listener, error)
	// Source returns the tunnel's address from which packets to remote come. The error wraps EADDRNOTAVAIL if the
	// tunnel has none of that family.
	Source(remote netip.Addr) (netip.Addr, error)
}

// A PacketConn is a UDP socket that is not connected.
type PacketConn = resolve.PacketConn

// A Resolver looks up names inside the tunnel. Its errors are of type *resolve.Error.
type Resolver interface {
	Lookup(ctx context.Context, name string, family resolve.Family) ([]netip.Addr, error)
}
