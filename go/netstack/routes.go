package netstack

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// SetRoutes replaces the ranges of addresses that the tunnel reaches: the union of all peers' allowed IPs.
func (d *Device) SetRoutes(ranges []netip.Prefix) {
	routes := aggregate(ranges)
	d.routes.Store(&routes)
}

// reachable returns an error if the tunnel cannot reach an address.
func (d *Device) reachable(address netip.Addr) error {
	if d.hasAddress(address) {
		return nil
	}
	switch {
	case !address.IsValid():
		return fmt.Errorf("there is no address: %w", syscall.EINVAL)
	case address.IsUnspecified(), address.IsLoopback(), address.IsMulticast(),
		address == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%v is not an address that a tunnel reaches: %w", address, syscall.EHOSTUNREACH)
	}
	routes := *d.routes.Load()
	if !routes.contain(address) {
		return &UnreachableError{Address: address, Ranges: routes}
	}
	if !d.hasFamily(address) {
		family := "IPv6"
		if address.Is4() {
			family = "IPv4"
		}
		return fmt.Errorf("the tunnel has no %s address to reach %v from: add one to Address in its configuration: %w",
			family, address, syscall.EADDRNOTAVAIL)
	}
	return nil
}

// An UnreachableError says that no peer's allowed IPs hold an address. It wraps EHOSTUNREACH.
type UnreachableError struct {
	Address netip.Addr
	Ranges  []netip.Prefix // the union of all peers' allowed IPs
}

// maxNamedRanges bounds how many ranges a message names.
const maxNamedRanges = 8

func (e *UnreachableError) Error() string {
	if len(e.Ranges) == 0 {
		return fmt.Sprintf("no peer's allowed IPs hold %v: there are none", e.Address)
	}
	names := make([]string, 0, maxNamedRanges)
	for _, prefix := range e.Ranges[:min(len(e.Ranges), maxNamedRanges)] {
		names = append(names, prefix.String())
	}
	more := ""
	if left := len(e.Ranges) - len(names); left > 0 {
		more = fmt.Sprintf(" and %d more", left)
	}
	return fmt.Sprintf("no peer's allowed IPs hold %v: they are %s%s", e.Address, strings.Join(names, ", "), more)
}

func (e *UnreachableError) Unwrap() error { return syscall.EHOSTUNREACH }

// routes are ranges of addresses that neither overlap nor can be joined, in order.
type routes []netip.Prefix

// aggregate returns the fewest ranges that hold the same addresses.
func aggregate(ranges []netip.Prefix) routes {
	sorted := make([]netip.Prefix, 0, len(ranges))
	for _, prefix := range ranges {
		if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		if prefix.IsValid() {
			sorted = append(sorted, prefix.Masked())
		}
	}
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var joined routes
	for _, prefix := range sorted {
		if n := len(joined); n > 0 && joined[n-1].Contains(prefix.Addr()) {
			continue // Its whole range is in there: it is not larger, as the larger ones of an address come first.
		}
		joined = append(joined, prefix)
		// Two halves become one, which may be a half itself.
		for n := len(joined); n > 1; n = len(joined) {
			whole, ok := join(joined[n-2], joined[n-1])
			if !ok {
				break
			}
			joined = append(joined[:n-2], whole)
		}
	}
	return joined
}

// join returns the range whose halves a and b are.
func join(a, b netip.Prefix) (whole netip.Prefix, ok bool) {
	if a.Bits() != b.Bits() || a.Bits() == 0 || a.Addr().Is4() != b.Addr().Is4() {
		return netip.Prefix{}, false
	}
	whole = netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()
	return whole, whole.Addr() == a.Addr() && whole.Contains(b.Addr()) && a != b
}

// contain reports whether one of the ranges holds an address.
func (r routes) contain(address netip.Addr) bool {
	address = address.WithZone("")
	i, found := slices.BinarySearchFunc(r, address, func(prefix netip.Prefix, address netip.Addr) int {
		return prefix.Addr().Compare(address)
	})
	return found || i > 0 && r[i-1].Contains(address)
}
