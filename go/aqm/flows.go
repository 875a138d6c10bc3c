package aqm

import (
	"hash/maphash"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"wg-bridge/go/inet"
)

const (
	sets, ways = 256, 4 // of the table of flows; both are powers of two
	// maxPeriod bounds the time over which the bytes of flows are compared.
	maxPeriod = 100 * time.Millisecond
	// lightDatagrams is the number of bytes in a period up to which a flow of UDP is never heavy, however few others
	// there are: calls and games fill no queue.
	lightDatagrams = 24_000
	// batchBytes is the length of a full batch of packets of the default MTU.
	batchBytes = 128 * 1420
)

// A flow is a TCP connection, or the datagrams between two UDP ports.
type flow struct {
	key     atomic.Uint64 // 0 for none
	stamped timestamp

	// The rest belongs to who receives.
	datagrams bool   // it is of UDP
	bytes     uint64 // received in this period
	period    uint32 // in which the latest packet came
	heavyIn   uint32 // the latest period in which it was heavy: it has a fair share, or more, of what came before
	roundTrip shortest
	signalled moment // when it was last marked, or lost a packet
}

// mayAnswer reports whether the sender can have answered the latest signal: it takes a round trip with the wait in our
// queue. TCP answers one signal a round trip, however many there are.
func (f *flow) mayAnswer(now moment, waited time.Duration) bool {
	return now.since(f.signalled) >= f.roundTrip.get(now)+waited
}

// flows is a table of the flows that a tunnel receives. Its size is fixed. If many are in it, it forgets the lightest:
// they are of no interest. A flow is known by a hash with a secret seed. If two have the same, they count as one.
type flows struct {
	seed  maphash.Seed
	table [sets][ways]flow

	latest    tuple  // of the latest received packet: most are of the same flow
	latestKey uint64 // of its flow

	period     uint32 // begins with 1
	began      moment
	total      uint64  // bytes of all flows in this period
	active     []*flow // in this period
	roundTrips []time.Duration
}

// A tuple is what the packets of a flow have in common: the addresses and ports, first those of the other end, then the
// version and the protocol.
type tuple [2*16 + 2*2 + 2]byte

// tupleOf returns a packet's tuple, which is the same for both directions.
func tupleOf(p *packet, sent bool) (of tuple) {
	addresses, ports := inet.Addresses(p.ip), p.transport[:4]
	if n := len(addresses) / 2; sent {
		copy(of[:], addresses[n:])
		copy(of[n:], addresses[:n])
		copy(of[32:], ports[2:])
		copy(of[34:], ports[:2])
	} else {
		copy(of[:], addresses)
		copy(of[32:], ports)
	}
	of[36], of[37] = p.ip[0]>>4, p.protocol
	return of
}

func (f *flows) keyOf(of *tuple) uint64 { return max(maphash.Bytes(f.seed, of[:]), 1) }

// sent records the timestamp of a TCP segment, if its flow is known.
func (f *flows) sent(p *packet, now func() moment) {
	known := f.known(tupleOf(p, true))
	if known == nil {
		return
	}
	if value, _, ok := p.timestamps(); ok {
		known.stamped.sent(value, now)
	}
}

// known returns the flow of a tuple, or nil.
func (f *flows) known(of tuple) *flow {
	key := f.keyOf(&of)
	set := &f.table[key%sets]
	for i := range set {
		if set[i].key.Load() == key {
			return &set[i]
		}
	}
	return nil
}

// received adds a packet to its flow. It returns nil if the table has no place for it.
func (f *flows) received(p *packet, now moment, waited time.Duration) *flow {
	if of := tupleOf(p, false); of != f.latest {
		f.latest, f.latestKey = of, f.keyOf(&of)
	}
	found := f.find(f.latestKey)
	if found == nil {
		return nil
	}
	if found.period != f.period {
		found.period, found.bytes = f.period, 0
		f.active = append(f.active, found)
	}
	found.datagrams = p.protocol == protocolUDP
	found.bytes += uint64(len(p.ip))
	f.total += uint64(len(p.ip))
	if p.protocol == protocolTCP && found.stamped.isPending() {
		if _, echo, ok := p.timestamps(); ok {
			// Without the wait in our own queue, which is to be shortened.
			if sample, ok := found.stamped.echoed(echo, now-moment(waited)); ok {
				found.roundTrip.add(sample, now)
			}
		}
	}
	return found
}

// roundTrip returns the shortest round trip of a received packet's flow, or 0 if none is known.
func (f *flows) roundTrip(p *packet, now moment) time.Duration {
	known := f.known(tupleOf(p, false))
	if known == nil {
		return 0
	}
	return known.roundTrip.measured(now)
}

// find returns the flow of that key. A new flow takes the place of one that is not heavy, or gets none.
func (f *flows) find(key uint64) *flow {
	set := &f.table[key%sets]
	var lightest *flow
	weight := uint64(math.MaxUint64)
	for i := range set {
		one := &set[i]
		if one.key.Load() == key {
			return one
		}
		if w := f.weigh(one); w < weight {
			lightest, weight = one, w
		}
	}
	if lightest == nil {
		return nil
	}
	lightest.key.Store(key)
	lightest.stamped.forget()
	lightest.bytes, lightest.heavyIn, lightest.signalled, lightest.roundTrip = 0, 0, 0, shortest{}
	return lightest
}

// weigh returns a measure by which a flow keeps its place in the table.
func (f *flows) weigh(one *flow) uint64 {
	switch {
	case one.heavyIn == f.period:
		return math.MaxUint64
	case one.period == f.period:
		return one.bytes
	}
	return 0
}

// endPeriod begins the next period, with the flows that were heavy in this one. It returns the median of their round
// trips, with the time that the engine takes for a batch: the packets of the next one wait for as long, though there is
// no queue.
func (f *flows) endPeriod(now moment) time.Duration {
	f.roundTrips = f.roundTrips[:0]
	for _, one := range f.active {
		if one.bytes*uint64(len(f.active)) >= f.total && !(one.datagrams && one.bytes <= lightDatagrams) {
			one.heavyIn = f.period + 1
			f.roundTrips = append(f.roundTrips, one.roundTrip.get(now))
		}
	}
	batch := time.Duration(float64(now.since(f.began)) * batchBytes / float64(max(f.total, 1)))
	f.active, f.total, f.began = f.active[:0], 0, now
	f.period++
	if len(f.roundTrips) == 0 {
		return maxRoundTrip
	}
	slices.Sort(f.roundTrips)
	return min(f.roundTrips[len(f.roundTrips)/2]+batch, maxRoundTrip)
}
