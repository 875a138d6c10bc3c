package reordering

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

const roundTrip = 20 * time.Millisecond

// A path is a Table with a clock.
type path struct {
	*Table
	now time.Time
}

func newPath() *path {
	return &path{
		Table: &Table{RoundTrip: func([]byte) time.Duration { return roundTrip }},
		now:   time.Unix(1_800_000_000, 0),
	}
}

// What a sender learns at once from an acknowledgement.
const (
	nothing   = "nothing"
	number    = "what has arrived in order"
	gap       = "a hole"
	otherwise = "something else"
)

// learns returns what the sender learns at once from an acknowledgement, which may be changed.
func (p *path) learns(packet []byte) string {
	at := testbed.TransportAt(packet)
	before, _ := parse(packet[at:])
	if !p.Pass(packet, at, p.now) {
		return nothing
	}
	switch after, ok := parse(packet[at:]); {
	case !ok || after.number != before.number:
		return otherwise
	case after.reports:
		return gap
	}
	return number
}

// due lets time pass, and returns the acknowledged numbers and the ends of the reports that are due.
func (p *path) due(later time.Duration) (reports [][2]uint32) {
	p.now = p.now.Add(later)
	for _, packet := range p.Due(p.now) {
		a, ok := parse(packet[testbed.TransportAt(packet):])
		if !ok || !a.reports {
			panic("something else is due")
		}
		reports = append(reports, [2]uint32{a.number, a.end})
	}
	return reports
}

// A receiver makes acknowledgements of one connection.
type receiver struct {
	version uint8
	port    uint16
}

// acknowledges returns the acknowledgement of what comes before number, and of blocks behind it.
func (r receiver) acknowledges(number uint32, blocks ...uint32) []byte {
	packet := (&testbed.Stream{Version: r.version, Protocol: unix.IPPROTO_TCP, Port: r.port}).Packet(nil, inet.TCPACK)
	at := testbed.TransportAt(packet)
	binary.BigEndian.PutUint32(packet[at+inet.TCPAcknowledged:], number)
	copy(packet[at+inet.TCPHeaderLength:], []byte{1, 1, byte(inet.TCPOptionTimestamps), 10, 0, 0, 0, 1, 0, 0, 0, 1})
	if len(blocks) > 0 {
		packet = append(packet, 1, 1, byte(inet.TCPOptionSACK), byte(2+4*len(blocks)))
		for _, edge := range blocks {
			packet = binary.BigEndian.AppendUint32(packet, edge)
		}
	}
	packet[at+inet.TCPDataOffset] = byte(len(packet)-at) << 2
	return packet
}

var ipv4 = receiver{version: 4, port: 1}

func (p *path) expect(t *testing.T, what string, packet []byte, want string) {
	t.Helper()
	if got := p.learns(packet); got != want {
		t.Errorf("from %s the sender learns %s, want %s", what, got, want)
	}
}

func TestAHoleThatIsFilledInTimeIsNeverReported(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		p, r := newPath(), receiver{version: version, port: 1}
		begin := ^uint32(0) - 100 // The numbers wrap around.
		p.expect(t, "the first report", r.acknowledges(begin, begin+1000, begin+2000), number)
		for i := range uint32(20) {
			p.expect(t, "another report", r.acknowledges(begin, begin+1000, begin+3000+1000*i), nothing)
		}
		if got := p.due(roundTrip/patience - 1); got != nil {
			t.Errorf("IPv%d: before their time: %v", version, got)
		}
		p.expect(t, "what fills the hole", r.acknowledges(begin+23_000), number)
		if got := p.due(time.Hour); got != nil || len(p.connections) != 0 || !p.Next().IsZero() {
			t.Errorf("IPv%d: %v are due, %d connections, next %v", version, got, len(p.connections), p.Next())
		}
	}
}

func TestAHoleThatStaysIsReportedAfterHalfOfTheRoundTrip(t *testing.T) {
	p := newPath()
	var want [][2]uint32
	for i := range uint32(20) {
		p.learns(ipv4.acknowledges(1000, 2000, 3000+1000*i))
		want = append(want, [2]uint32{1000, 3000 + 1000*i})
	}
	if next := p.Next(); next != p.now.Add(roundTrip/2) {
		t.Errorf("next in %v", next.Sub(p.now))
	}
	if got := p.due(roundTrip / 2); !slices.Equal(got, want[20-kept:]) {
		t.Errorf("%v are due, want %v", got, want[20-kept:])
	}
	if got := p.due(0); got != nil {
		t.Errorf("again: %v", got)
	}
}

func TestALossIsToldInFullUntilItIsRepeated(t *testing.T) {
	p := newPath()
	p.learns(ipv4.acknowledges(1000, 2000, 3000))
	p.due(roundTrip / patience)
	p.expect(t, "a report of the loss", ipv4.acknowledges(1000, 2000, 4000), gap)
	p.expect(t, "one with a second loss", ipv4.acknowledges(1000, 5000, 6000, 2000, 4000), gap)
	p.expect(t, "one of the second loss alone", ipv4.acknowledges(4000, 5000, 6000), gap)
	p.now = p.now.Add(roundTrip) // Everything that was under way has been told.
	p.expect(t, "a report before all of that is acknowledged", ipv4.acknowledges(2999, 5000, 6000), gap)
	p.expect(t, "a report of another hole after that", ipv4.acknowledges(6000, 7000, 8000), number)
	if got := p.due(roundTrip / patience); !slices.Equal(got, [][2]uint32{{6000, 8000}}) {
		t.Errorf("%v are due", got)
	}
}

func TestEachHoleHasItsOwnTime(t *testing.T) {
	p := newPath()
	p.learns(ipv4.acknowledges(1000, 2000, 3000, 4000, 5000))
	p.now = p.now.Add(roundTrip/patience - 1)
	p.expect(t, "what fills the first hole", ipv4.acknowledges(3000, 4000, 6000), number)
	p.expect(t, "a report of the second", ipv4.acknowledges(3000, 4000, 7000), nothing)
	p.expect(t, "a report that is late itself", ipv4.acknowledges(1000, 2000, 3000), number)
	if got := p.due(roundTrip/patience - 1); got != nil {
		t.Errorf("the second hole's reports are due with the first's: %v", got)
	}
	if got := p.due(1); !slices.Equal(got, [][2]uint32{{3000, 6000}, {3000, 7000}}) {
		t.Errorf("%v are due", got)
	}
}

func TestConnectionsDoNotTouchEachOther(t *testing.T) {
	p := newPath()
	others := []receiver{ipv4, {version: 4, port: 2}, {version: 6, port: 1}}
	for i, r := range others {
		p.expect(t, "the first report", r.acknowledges(1000, 2000, 3000+uint32(i)), number)
	}
	p.expect(t, "what fills one hole", others[1].acknowledges(3001), number)
	got := p.due(roundTrip / patience)
	slices.SortFunc(got, func(a, b [2]uint32) int { return int(a[1]) - int(b[1]) })
	if want := [][2]uint32{{1000, 3000}, {1000, 3002}}; !slices.Equal(got, want) {
		t.Errorf("%v are due, want %v", got, want)
	}
}

func TestConnectionsThatSayNothingMoreAreForgotten(t *testing.T) {
	p := newPath()
	p.learns(ipv4.acknowledges(1000, 2000, 3000))
	p.learns(receiver{version: 4, port: 2}.acknowledges(1000, 2000, 3000))
	p.due(roundTrip / patience)
	if p.due(idle*roundTrip - 1); len(p.connections) != 2 {
		t.Errorf("%d connections before that", len(p.connections))
	}
	if p.due(1); len(p.connections) != 0 || !p.Next().IsZero() {
		t.Errorf("%d connections, next %v", len(p.connections), p.Next())
	}
}

func TestWhatReportsNoHolePassesUnchanged(t *testing.T) {
	pushed := ipv4.acknowledges(1000, 2000, 3000)
	pushed[testbed.TransportAt(pushed)+inet.TCPFlags] |= inet.TCPPSH
	for name, packet := range map[string][]byte{
		"an acknowledgement":     ipv4.acknowledges(1000),
		"a block before":         ipv4.acknowledges(1000, 500, 600),
		"a block up to it":       ipv4.acknowledges(1000, 500, 1000),
		"another flag":           pushed,
		"a block that is cut":    ipv4.acknowledges(1000, 2000),
		"no option":              ipv4.acknowledges(1000)[:inet.IPv4HeaderLength+inet.TCPHeaderLength],
		"less than a TCP header": ipv4.acknowledges(1000)[:inet.IPv4HeaderLength+4],
	} {
		p, before := newPath(), slices.Clone(packet)
		if !p.Pass(packet, testbed.TransportAt(packet), p.now) || len(p.connections) != 0 || !bytes.Equal(packet, before) {
			t.Errorf("%s does not pass, or is changed", name)
		}
	}
}

func TestNothingIsKeptIfTheRoundTripIsUnknownOrShort(t *testing.T) {
	for _, short := range []time.Duration{0, shortestRoundTrip - 1} {
		p := newPath()
		p.RoundTrip = func([]byte) time.Duration { return short }
		p.expect(t, "a report", ipv4.acknowledges(1000, 2000, 3000), gap)
		p.expect(t, "another", ipv4.acknowledges(1000, 2000, 4000), gap)
	}
}

func TestWhatIsKeptIsACopy(t *testing.T) {
	p := newPath()
	for i := range uint32(2 * kept) {
		packet := ipv4.acknowledges(1000, 2000, 3000+i)
		p.learns(packet)
		clear(packet)
	}
	reports := p.Due(p.now.Add(roundTrip))
	if len(reports) != kept || !bytes.Equal(reports[0], ipv4.acknowledges(1000, 2000, 3000+kept)) {
		t.Errorf("%d reports, the first is %x", len(reports), reports[0])
	}
}

// Whatever comes in which order, a sender learns at once of all that has arrived in order, and of the last hole in the end.
// Nothing is left in memory.
func TestASenderLearnsAllThatIsTrue(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		p, arrived, learnt := newPath(), uint32(0), uint32(0)
		for range 300 {
			arrived += 100 * uint32(random.IntN(2)*random.IntN(3))
			packet := ipv4.acknowledges(arrived)
			if random.IntN(2) == 0 {
				packet = ipv4.acknowledges(arrived, arrived+100, arrived+200+100*uint32(random.IntN(5)))
			}
			if told := p.learns(packet); told == number || told == gap {
				learnt = arrived
			}
			if learnt != arrived {
				t.Fatalf("the sender knows of %d, not of %d", learnt, arrived)
			}
			p.due(time.Duration(random.Int64N(int64(roundTrip))))
		}
		p.due(idle * roundTrip)
		p.due(idle * roundTrip)
		p.expect(t, "the last hole", ipv4.acknowledges(arrived, arrived+100, arrived+200), number)
		if got := p.due(roundTrip / patience); !slices.Equal(got, [][2]uint32{{arrived, arrived + 200}}) {
			t.Fatalf("%v are due in the end", got)
		}
		if p.due(idle * roundTrip); len(p.connections) != 0 {
			t.Fatalf("%d connections are left", len(p.connections))
		}
	}
}

func FuzzAnyPacketsPass(f *testing.F) {
	f.Add(ipv4.acknowledges(1000, 2000, 3000), ipv4.acknowledges(1000, 2000, 4000))
	f.Add(receiver{version: 6}.acknowledges(1000, 2000, 3000), receiver{version: 6}.acknowledges(4000))
	f.Fuzz(func(t *testing.T, one, other []byte) {
		p := newPath()
		for _, packet := range [][]byte{one, other} {
			if len(packet) >= inet.IPv4HeaderLength && (packet[0]>>4 == 4 || len(packet) >= inet.IPv6HeaderLength) {
				p.learns(slices.Clip(packet))
			}
		}
		if got := p.Due(p.now.Add(roundTrip)); len(got) > 2 {
			t.Errorf("%d packets of two", len(got))
		}
	})
}
