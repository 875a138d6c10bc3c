package netstack

import (
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
)

// nic is the id of the stack's only interface.
const nic tcpip.NICID = 1

// protocolOf returns the network protocol of an address. An invalid address stands for both: the protocol of sockets
// that accept either is IPv6.
func protocolOf(address netip.Addr) tcpip.NetworkProtocolNumber {
	if address.Is4() || address.Is4In6() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

// toStack returns an address as the stack writes it. The stack writes the unspecified address as an empty one.
func toStack(address netip.Addr) tcpip.Address {
	if !address.IsValid() || address.IsUnspecified() {
		return tcpip.Address{}
	}
	return tcpip.AddrFromSlice(address.Unmap().WithZone("").AsSlice())
}

func toFullAddress(address netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nic, Addr: toStack(address.Addr()), Port: address.Port()}
}

// fromStack returns an address of the stack. An empty one becomes the unspecified address of the protocol.
func fromStack(address tcpip.FullAddress, protocol tcpip.NetworkProtocolNumber) netip.AddrPort {
	ip, known := netip.AddrFromSlice(address.Addr.AsSlice())
	switch {
	case known:
		ip = ip.Unmap()
	case protocol == ipv4.ProtocolNumber:
		ip = netip.IPv4Unspecified()
	default:
		ip = netip.IPv6Unspecified()
	}
	return netip.AddrPortFrom(ip, address.Port)
}
