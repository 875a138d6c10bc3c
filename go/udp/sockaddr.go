package udp

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// A sockaddr holds a struct sockaddr_in or sockaddr_in6 in the kernel's layout: the family in the
// machine's byte order, the port in network order; ip(7), ipv6(7).
type sockaddr [unix.SizeofSockaddrInet6]byte

// encodeSockaddr encodes an address and returns its length in bytes. scope is the interface index of
// a link-local IPv6 address, and 0 otherwise.
func encodeSockaddr(to *sockaddr, address netip.AddrPort, scope uint32) int {
	*to = sockaddr{}
	binary.BigEndian.PutUint16(to[2:], address.Port())
	if address.Addr().Is4() {
		binary.NativeEndian.PutUint16(to[0:], unix.AF_INET)
		ip := address.Addr().As4()
		copy(to[4:], ip[:])
		return unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(to[0:], unix.AF_INET6)
	ip := address.Addr().As16()
	copy(to[8:], ip[:])
	binary.NativeEndian.PutUint32(to[24:], scope)
	return unix.SizeofSockaddrInet6
}

// decodeSockaddr decodes an address of length bytes, and the interface index of a link-local one, which also becomes
// its zone. An address of another family is returned as the invalid AddrPort.
func decodeSockaddr(from *sockaddr, length uint32) (address netip.AddrPort, ifindex uint32) {
	if length < 2 {
		return netip.AddrPort{}, 0
	}
	port := binary.BigEndian.Uint16(from[2:])
	family := binary.NativeEndian.Uint16(from[0:])
	switch {
	case family == unix.AF_INET && length >= unix.SizeofSockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(from[4:8])), port), 0
	case family == unix.AF_INET6 && length >= unix.SizeofSockaddrInet6:
		ip := netip.AddrFrom16([16]byte(from[8:24]))
		if ifindex = binary.NativeEndian.Uint32(from[24:]); ifindex != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(ifindex), 10))
		}
		return netip.AddrPortFrom(ip, port), ifindex
	}
	return netip.AddrPort{}, 0
}
