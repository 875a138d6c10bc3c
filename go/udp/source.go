package udp

import (
	"errors"
	"syscall"
)

// A verdict says whether a source may be used, and in which generation of the Bind's routes that was checked. The
// zero verdict belongs to a source that was never checked.
type verdict uint64

func newVerdict(generation uint64, usable bool) verdict {
	if usable {
		return verdict(generation<<1 | 1)
	}
	return verdict(generation << 1)
}

func (v verdict) generation() uint64 { return uint64(v >> 1) }
func (v verdict) usable() bool       { return v&1 != 0 }

// checkedSource returns the source address to send to an endpoint from, or nil to let the kernel choose.
//
// Clearing every source at every change of the routing table would be simpler and wrong: the next
// packet could leave from another address, the peer would follow it there, and a change that has
// nothing to do with this peer would have moved it. So the kernel is asked once in each generation,
// and the source names no interface: if requests come in by one interface and the answers'
// route leaves by another, naming the former would send the answers nowhere.
func (b *Bind) checkedSource(query *routeQuery, s *socket, to *Endpoint) *source {
	learnt := to.source.Load()
	if learnt == nil {
		return nil
	}
	generation, known := b.generation.Load(), verdict(to.verdict.Load())
	if known.generation() != generation {
		usable, err := query.allows(learnt, to.destination,
			routing{port: s.port(), mark: b.mark.Load(), boundTo: s.boundTo()})
		if err != nil {
			// The kernel did not answer. If the address is gone, sending will fail.
			if !errors.Is(err, errBackingOff) {
				b.logf("UDP bind: cannot check the source %s: %v", learnt.address, err)
			}
			return learnt
		}
		if !usable && (known == 0 || known.usable()) {
			b.logf("UDP bind: not sending from %s to %s: the route leaves elsewhere, or the address is gone",
				learnt.address, to.destination)
		}
		known = newVerdict(generation, usable)
		to.verdict.Store(uint64(known))
	}
	if !known.usable() {
		return nil
	}
	return learnt
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
