package inflight

import "time"

const (
	// mostFlows bounds how many destinations are known.
	mostFlows = 4096
	// flowExpires is how long nothing enters before a flow is forgotten if others need its place: by then
	// the engine has given up its handshake, and dropped what waited for it.
	flowExpires = 100 * time.Second
	// evictionSample is how many flows are looked at to forget the one that is idle for longest.
	evictionSample = 8
)

// A Destination is an IPv4 or IPv6 address in 16 bytes, which of the two does not matter.
type Destination [16]byte

// flows are those of destinations that were sent to lately.
type flows struct {
	known     map[Destination]*flow
	cleanedAt moment
}

func newFlows() flows { return flows{known: make(map[Destination]*flow)} }

// to returns the flow to a destination, and the one that was forgotten for it, if any.
func (f *flows) to(destination Destination) (found, forgotten *flow) {
	if found, known := f.known[destination]; known {
		return found, nil
	}
	if len(f.known) >= mostFlows {
		forgotten = f.forgetIdlest()
	}
	found = new(flow)
	f.known[destination] = found
	return found, forgotten
}

// forgetIdlest forgets one of a few flows, those that the map happens to begin with.
func (f *flows) forgetIdlest() *flow {
	var idlest *flow
	var at Destination
	looked := 0
	for destination, one := range f.known {
		if idlest == nil || one.lastIn < idlest.lastIn {
			idlest, at = one, destination
		}
		if looked++; looked == evictionSample {
			break
		}
	}
	delete(f.known, at)
	return idlest
}

// forgetExpired forgets the flows into which nothing entered for long, and calls forgotten with each. It
// looks for them once a second at most.
func (f *flows) forgetExpired(now moment, forgotten func(*flow)) {
	if now.since(f.cleanedAt) < time.Second {
		return
	}
	f.cleanedAt = now
	for destination, one := range f.known {
		if now.since(one.lastIn) >= flowExpires {
			forgotten(one)
			delete(f.known, destination)
		}
	}
}
