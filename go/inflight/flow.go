package inflight

import (
	"time"
)

const (
	// patience is how long a flow may have packets inside without any of them coming out, while others
	// do, before they no longer count.
	patience = 10 * time.Millisecond
	// proofHolds is how long it holds that a packet came out: the next ones will.
	proofHolds = time.Second
	// mostInside is more than the engine holds of one flow: what entered before that was dropped.
	mostInside = 1 << 17
	// weightUnit is the size in bytes up to which a packet has weight 1.
	weightUnit = 16 << 10
)

// weigh returns a packet's weight, which stands for the memory that its buffer takes.
func weigh(size int) uint32 { return 1 + uint32(size/weightUnit) }

// A moment is a time since the limit was made.
type moment time.Duration

func (m moment) since(earlier moment) time.Duration { return time.Duration(m - earlier) }

// A flow is packets that the engine keeps in order, such as those to one destination.
//
// The order makes the count exact: when a packet comes out, whatever entered before it has come out or
// was dropped. The engine never says that it drops.
type flow struct {
	entered  uint32 // the sum of the weights of all packets
	left     uint32 // the same, up to the last one that came out
	counted  uint32 // the weight that the limit counts for this flow
	listed   bool   // the limit's list has it
	waiting  uint32 // the weight that may wait in the engine, as the limit sums it up
	proven   bool   // a packet has come out
	refused  bool   // the engine dropped the last packet at once: no peer has its destination
	lastIn   moment
	lastOut  moment
	progress moment // the last time that a packet came out, or entered while none was inside
}

// inside returns the weight of the packets that have entered and not come out.
func (f *flow) inside() uint32 { return f.entered - f.left }

// flowedLately reports whether a packet came out not long ago.
func (f *flow) flowedLately(now moment) bool { return f.proven && now.since(f.lastOut) < proofHolds }

// enter adds a packet and returns its place in the flow.
func (f *flow) enter(weight uint32, now moment) (sequence uint32) {
	if f.inside() == 0 {
		f.progress = now
	}
	f.lastIn = now
	f.entered += weight
	if f.inside() > mostInside {
		f.left = f.entered - mostInside
	}
	return f.entered
}

// refuse notes that the engine dropped the packet of that place. If it is the last one, the engine keeps
// none of this flow: of packets that wait it drops the oldest.
func (f *flow) refuse(sequence uint32) {
	if sequence == f.entered {
		f.refused, f.left = true, f.entered
	}
}

// leave takes out the packet of that place and all before it.
func (f *flow) leave(sequence uint32, now moment) {
	f.proven, f.refused, f.lastOut, f.progress = true, false, now, now
	if ahead := sequence - f.left; ahead <= f.inside() { // else one after it was faster
		f.left = sequence
	}
}

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
