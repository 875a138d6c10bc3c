package udp

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// refusalLifetime is how long a path that refused segments gets single datagrams. Route messages show when a
	// path changes, but not when its MTU does.
	refusalLifetime = time.Minute
	// maxRefusals bounds how many paths are remembered.
	maxRefusals = 1024
)

// refusals holds the destinations to which segments (UDP_SEGMENT) cannot leave. The zero value is empty.
//
// All methods may be called concurrently. The map is replaced as a whole and never changed in place, so that
// reading takes no lock and allocates nothing.
type refusals struct {
	known  atomic.Pointer[map[netip.Addr]refusal]
	adding sync.Mutex
}

// A refusal is when a path refused segments. It holds for refusalLifetime, within one generation of the Bind's
// routes.
type refusal struct {
	generation uint64
	at         time.Time
}

func (r refusal) holds(generation uint64, now time.Time) bool {
	return r.generation == generation && now.Sub(r.at) < refusalLifetime
}

// has reports whether a path is known to refuse segments.
func (r *refusals) has(to netip.Addr, generation uint64, now time.Time) bool {
	known := r.known.Load()
	if known == nil {
		return false
	}
	refused, found := (*known)[to]
	return found && refused.holds(generation, now)
}

// add records that a path has refused segments, and drops the refusals that no longer hold. If there are too
// many, it drops an arbitrary one: that path will refuse once more.
func (r *refusals) add(to netip.Addr, generation uint64, now time.Time) {
	r.adding.Lock()
	defer r.adding.Unlock()
	next := map[netip.Addr]refusal{to: {generation, now}}
	if known := r.known.Load(); known != nil {
		for other, refused := range *known {
			if len(next) < maxRefusals && other != to && refused.holds(generation, now) {
				next[other] = refused
			}
		}
	}
	r.known.Store(&next)
}
