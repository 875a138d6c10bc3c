package udp

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// refusalLifetime is how long a path that refused segments gets single datagrams. The routes tell when
	// a path changes, but not when its MTU does.
	refusalLifetime = time.Minute
	// maxRefusals bounds how many paths are remembered.
	maxRefusals = 1024
)

// refusals are the paths, by the address they lead to, over which segments (UDP_SEGMENT) cannot leave.
// The zero value is none.
//
// All methods may be called concurrently. What is known is replaced as a whole and never changed in
// place: reading it takes no lock and allocates nothing.
type refusals struct {
	known  atomic.Pointer[map[netip.Addr]refusal]
	adding sync.Mutex
}

// A refusal is when a path refused segments: it holds in the same generation of the Bind's routes, for
// refusalLifetime.
type refusal struct {
	generation uint64
	at         time.Time
}

func (r refusal) holds(generation uint64, now time.Time) bool {
	return r.generation == generation && now.Sub(r.at) < refusalLifetime
}

// hold reports whether a path is known to refuse segments.
func (r *refusals) hold(to netip.Addr, generation uint64, now time.Time) bool {
	known := r.known.Load()
	if known == nil {
		return false
	}
	refused, found := (*known)[to]
	return found && refused.holds(generation, now)
}

// add remembers that a path has refused segments, and forgets what no longer holds. Where there are too
// many, any other one is forgotten: it will be refused once more.
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
