package inflight

import "time"

const (
	// stallTimeout is how long none of a flow's packets may come out, while those of other flows do, before the
	// limit no longer counts them.
	stallTimeout = 10 * time.Millisecond
	// recent is how long after a packet came out the next ones are expected to come out, too.
	recent = time.Second
	// maxInside is more than the engine holds of one flow: it has dropped what entered before.
	maxInside = 1 << 17
	// weightUnit is the size in bytes up to which a packet has weight 1: what a link of the usual MTU carries.
	weightUnit = 1500
)

// weigh returns a packet's weight, a measure of the memory and of the time that it takes.
func weigh(size int) uint32 { return max(1, uint32((size+weightUnit-1)/weightUnit)) }

// A moment is a time since the limit was made.
type moment time.Duration

func (m moment) since(earlier moment) time.Duration { return time.Duration(m - earlier) }

// A flow is a sequence of packets that the engine keeps in order, such as those to one destination.
//
// The engine does not report the packets that it drops. Their order makes the count exact nevertheless: once a
// packet comes out, all that entered before it have come out or were dropped.
type flow struct {
	entered   uint32 // the weight of all packets so far
	left      uint32 // the weight of those up to the last one that came out
	counted   uint32 // the weight that the limit counts for this flow
	listed    bool   // the flow is in the limit's list of counted flows
	waiting   uint32 // the weight that may wait in the engine: this flow's part of the limit's sum
	hasFlowed bool   // a packet has come out
	refused   bool   // the engine dropped the last packet at once: no peer has its destination
	lastIn    moment
	lastOut   moment
	progress  moment // when a packet last came out, or entered an empty flow
}

// inside returns the weight of the packets that have entered and neither come out nor been dropped, as far as known.
func (f *flow) inside() uint32 { return f.entered - f.left }

// flowedRecently reports whether a packet has come out within the last second.
func (f *flow) flowedRecently(now moment) bool { return f.hasFlowed && now.since(f.lastOut) < recent }

// enter adds a packet and returns its sequence number, which grows by its weight.
func (f *flow) enter(weight uint32, now moment) (sequence uint32) {
	if f.inside() == 0 {
		f.progress = now
	}
	f.lastIn = now
	f.entered += weight
	if f.inside() > maxInside {
		f.left = f.entered - maxInside
	}
	return f.entered
}

// refuse records that the engine dropped the packet of that sequence number. If it is the last packet, the engine
// keeps none of this flow: of packets that wait, it drops the oldest.
func (f *flow) refuse(sequence uint32) {
	if sequence == f.entered {
		f.refused, f.left = true, f.entered
	}
}

// leave removes the packet of that sequence number and all before it.
func (f *flow) leave(sequence uint32, now moment) {
	f.hasFlowed, f.refused, f.lastOut, f.progress = true, false, now, now
	if ahead := sequence - f.left; ahead <= f.inside() { // otherwise a later packet has overtaken it
		f.left = sequence
	}
}

const (
	// maxFlows bounds the number of known destinations.
	maxFlows = 4096
	// flowExpiry is how long a flow must be idle before others may take its place: by then the engine has given
	// up its handshake, and dropped the packets that waited for it.
	flowExpiry = 100 * time.Second
	// evictionSample is how many flows are sampled at to forget the one that is idle for longest.
	evictionSample = 8
)

// A Destination is an IPv4 or IPv6 address in 16 bytes. Which of the two does not matter.
type Destination [16]byte

// flows holds the flows to recent destinations.
type flows struct {
	known     map[Destination]*flow
	cleanedAt moment
}

func newFlows() flows { return flows{known: make(map[Destination]*flow)} }

// get returns the flow to a destination, and the one that it evicted to make room, if any.
func (f *flows) get(destination Destination) (found, evicted *flow) {
	if found, known := f.known[destination]; known {
		return found, nil
	}
	if len(f.known) >= maxFlows {
		evicted = f.evictIdlest()
	}
	found = new(flow)
	f.known[destination] = found
	return found, evicted
}

// evictIdlest evicts the flow that has been idle for longest, out of the few that the map's iteration begins with.
func (f *flows) evictIdlest() *flow {
	var idlest *flow
	var at Destination
	sampled := 0
	for destination, one := range f.known {
		if idlest == nil || one.lastIn < idlest.lastIn {
			idlest, at = one, destination
		}
		if sampled++; sampled == evictionSample {
			break
		}
	}
	delete(f.known, at)
	return idlest
}

// evictExpired evicts the flows that have been idle for flowExpiry, and calls evicted with each. It
// searches at most once a second.
func (f *flows) evictExpired(now moment, evicted func(*flow)) {
	if now.since(f.cleanedAt) < time.Second {
		return
	}
	f.cleanedAt = now
	for destination, one := range f.known {
		if now.since(one.lastIn) >= flowExpiry {
			evicted(one)
			delete(f.known, destination)
		}
	}
}
