// Package reordering lets packets be late without being taken for lost, where a TCP sender cannot tell the two apart.
//
// A receiver that misses a segment reports the hole with each later one that arrives: it acknowledges what it had before
// once more, and names what it has behind the hole (SACK, RFC 2018). A sender such as gVisor's takes the segment for lost
// after three reports, and sends at half its speed from then on. So where some packets are late, it has soon no speed left.
// Here the reports are kept for half of the round trip. If the segment arrives meanwhile, the sender never hears of a hole;
// otherwise it hears of it that much later. RACK (RFC 8985) waits for a quarter at first, but its senders notice a segment
// that was sent twice for nothing, and take their mistake back.
package reordering

import (
	"time"

	"wg-bridge/go/inet"
)

const (
	// patience is by what the round trip is divided to get the time that a hole is given.
	patience = 2
	// Nothing is kept while the round trip is shorter than this: timers are not exact enough for that.
	shortestRoundTrip = time.Millisecond
	// kept is how many reports of a hole are kept: the latest ones. Each names three blocks or four that have arrived, and
	// the sender needs three reports.
	kept = 8
	// idle is the number of round trips without an acknowledgement after which a connection is forgotten.
	idle = 4
)

// A Table keeps the reports of holes of all connections of one network. Its methods are not to be called concurrently.
type Table struct {
	// RoundTrip returns the shortest round trip of a received packet's connection, or 0 if it is not known: then nothing is
	// kept.
	RoundTrip func(packet []byte) time.Duration

	connections map[ends]*hole
	next        time.Time // see Next
}

// ends are the addresses and ports of a connection's packets in one direction.
type ends [2*16 + 2*2]byte

func endsOf(packet []byte, transport int) (of ends) {
	n := copy(of[:], inet.Addresses(packet))
	copy(of[n:], packet[transport:transport+4])
	return of
}

// A hole is what one connection misses.
type hole struct {
	begin     uint32 // the sequence number that is acknowledged
	end       uint32 // of what is known to have arrived behind it
	roundTrip time.Duration
	reports   [][]byte  // that are kept
	until     time.Time // when the reports are due, or the connection is forgotten
	recovered time.Time // the earliest moment at which the sender can have repeated everything that was lost
}

// isLost reports whether the reports have been delivered. From then on the sender is told everything, until it has repeated
// what was lost.
func (h *hole) isLost() bool { return len(h.reports) == 0 }

// Pass decides about an acknowledgement without data, and reports whether it is to be delivered. If it reports a hole, that
// is kept until Due returns it: what is delivered now has no report in it. transport is where the TCP header begins, with
// which the packet ends.
func (t *Table) Pass(packet []byte, transport int, now time.Time) bool {
	header := packet[transport:]
	a, ok := parse(header)
	if !ok || len(t.connections) == 0 && !a.reports {
		return true
	}
	of := endsOf(packet, transport)
	h := t.connections[of]
	if h != nil && h.isOver(a, now) {
		delete(t.connections, of)
		h = nil
	}
	switch {
	case h != nil && h.isLost():
		h.until = now.Add(idle * h.roundTrip)
		return true
	case !a.reports:
		return true
	case h == nil:
		if h = t.add(of, packet); h == nil {
			return true
		}
	case a.number == h.begin:
		h.keep(packet, a)
		return false
	case inet.SequenceAfter(h.begin, a.number): // It is late itself.
		erase(header)
		return true
	}
	h.begin, h.end, h.reports = a.number, a.number, h.reports[:0]
	h.keep(packet, a)
	h.until = now.Add(h.roundTrip / patience)
	t.expect(h.until)
	erase(header)
	return true
}

// add adds a connection, if its round trip is known.
func (t *Table) add(of ends, packet []byte) *hole {
	roundTrip := t.RoundTrip(packet)
	if roundTrip < shortestRoundTrip {
		return nil
	}
	h := &hole{roundTrip: roundTrip}
	if t.connections == nil {
		t.connections = make(map[ends]*hole)
	}
	t.connections[of] = h
	return h
}

// expect makes Next return no later moment than that.
func (t *Table) expect(moment time.Time) {
	if t.next.IsZero() || moment.Before(t.next) {
		t.next = moment
	}
}

// isOver reports whether an acknowledgement says that the sender's view of the connection is whole again.
func (h *hole) isOver(a acknowledgement, now time.Time) bool {
	if h.isLost() {
		return !inet.SequenceAfter(h.end, a.number) && !now.Before(h.recovered)
	}
	return inet.SequenceAfter(a.number, h.begin) && !a.reports
}

// keep adds a report.
func (h *hole) keep(packet []byte, a acknowledgement) {
	if inet.SequenceAfter(a.end, h.end) {
		h.end = a.end
	}
	if len(h.reports) < kept {
		h.reports = append(h.reports, append([]byte(nil), packet...))
		return
	}
	oldest := h.reports[0]
	copy(h.reports, h.reports[1:])
	h.reports[kept-1] = append(oldest[:0], packet...)
}

// Due returns the reports of the holes whose time is over, those of one connection in their order, and forgets connections
// that are idle.
func (t *Table) Due(now time.Time) (reports [][]byte) {
	t.next = time.Time{}
	for of, h := range t.connections {
		if !now.Before(h.until) {
			if h.isLost() {
				delete(t.connections, of)
				continue
			}
			reports = append(reports, h.reports...)
			h.reports = nil
			h.recovered, h.until = now.Add(h.roundTrip), now.Add(idle*h.roundTrip)
		}
		t.expect(h.until)
	}
	return reports
}

// Next returns a moment before which Due has nothing to do. It is zero if no connection has a hole.
func (t *Table) Next() time.Time { return t.next }
