package udp

import (
	"errors"
	"syscall"
)

// checkedSource is the source address to send to an endpoint from, or nil to let the kernel choose.
//
// Clearing every source at every change of the routing table would be simpler and wrong: the next
// packet could leave from another address, the peer would follow it there, and a change that has
// nothing to do with this peer would have moved it. So a source from an older generation is kept if
// the kernel still routes it through the interface that it was learnt on, as kernel WireGuard does.
func (b *Bind) checkedSource(query *routeQuery, to *Endpoint) *source {
	for {
		learnt := to.source.Load()
		generation := b.generation.Load()
		if learnt == nil || learnt.learnedIn == generation {
			return learnt
		}
		ifindex, err := query.outgoingInterface(routeRequest{
			destination: to.destination.Addr(),
			source:      learnt.address,
			mark:        b.mark.Load(),
		})
		var checked *source
		if err == nil && ifindex == learnt.ifindex {
			checked = &source{address: learnt.address, ifindex: ifindex, learnedIn: generation}
		}
		if !to.source.CompareAndSwap(learnt, checked) {
			continue // Another sender was faster, or the engine has cleared it.
		}
		if checked == nil {
			b.logf("UDP bind: no longer sending from %s to %s: the route has changed",
				learnt.address, to.destination)
		}
		return checked
	}
}

// refusesSource reports whether a send error can mean that the source address or its interface is
// gone. Which of them it is depends on the address family, the kernel's version and the route.
func refusesSource(err error) bool {
	for _, gone := range []syscall.Errno{
		syscall.EINVAL, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.ENODEV,
	} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}
