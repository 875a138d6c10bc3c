package netstack

import (
	"net/netip"
	"slices"
	"sync"
)

// A listening holds the addresses on which a Device listens. The stack compares those of listeners with SO_REUSEADDR only
// if they are equal: unlike the kernel, it lets 10.0.0.1:80 and [::]:80 listen side by side.
type listening struct {
	mu        sync.Mutex              // held from conflictsWith to add
	addresses map[uint16][]netip.Addr // by port
}

// conflictsWith reports whether a connection to the port of local could be for a listener on local and for another one.
func (l *listening) conflictsWith(local netip.AddrPort) bool {
	return slices.ContainsFunc(l.addresses[local.Port()], func(other netip.Addr) bool {
		return local.Addr() == other || includes(local.Addr(), other) || includes(other, local.Addr())
	})
}

// includes reports whether all stands for other addresses, and one of them is one. [::] and an invalid address stand for all
// addresses, 0.0.0.0 for those of IPv4.
func includes(all, one netip.Addr) bool {
	return !all.IsValid() || all.IsUnspecified() && (all.Is6() || one.Is4())
}

func (l *listening) add(local netip.AddrPort) {
	if l.addresses == nil {
		l.addresses = make(map[uint16][]netip.Addr)
	}
	l.addresses[local.Port()] = append(l.addresses[local.Port()], local.Addr())
}

func (l *listening) remove(local netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := slices.DeleteFunc(l.addresses[local.Port()], func(a netip.Addr) bool { return a == local.Addr() })
	if len(left) == 0 {
		delete(l.addresses, local.Port())
		return
	}
	l.addresses[local.Port()] = left
}
