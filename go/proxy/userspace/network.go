// Package userspace lets proxies use the network of a tunnel that has no interface.
package userspace

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"wg-bridge/go/netstack"
	"wg-bridge/go/proxy"
)

// Without this, an idle stream would hold a buffer.
var _, _ interface{ WaitReadable() error } = (*netstack.Conn)(nil), (*netstack.PacketConn)(nil)

// A Device is what is used of a netstack.Device.
type Device interface {
	Addresses() []netip.Addr
	DialTCP(ctx context.Context, local, remote netip.AddrPort) (*netstack.Conn, error)
	ListenTCP(local netip.AddrPort, backlog int) (*netstack.Listener, error)
	BindUDP(local netip.AddrPort) (*netstack.PacketConn, error)
}

var _ Device = (*netstack.Device)(nil)

// Network returns what proxies see of a device.
func Network(device Device) proxy.Network { return network{device} }

type network struct{ device Device }

// DialTCP implements proxy.Network. Like the methods after it, it returns no nil pointer as an interface.
func (n network) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	conn, err := n.device.DialTCP(ctx, netip.AddrPort{}, remote)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// BindUDP implements proxy.Network.
func (n network) BindUDP(local netip.AddrPort) (proxy.PacketConn, error) {
	conn, err := n.device.BindUDP(local)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// ListenTCP implements proxy.Network.
func (n network) ListenTCP(local netip.AddrPort, backlog int) (net.Listener, error) {
	listener, err := n.device.ListenTCP(local, backlog)
	if err != nil {
		return nil, err
	}
	return listener, nil
}

// Source implements proxy.Network: it returns the first address of remote's family.
func (n network) Source(remote netip.Addr) (netip.Addr, error) {
	for _, address := range n.device.Addresses() {
		if address.Is4() == remote.Unmap().Is4() {
			return address, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("the tunnel has no address of the family of %v: %w", remote, syscall.EADDRNOTAVAIL)
}
