package netstack

import (
	"encoding/binary"
	"io"
	"net/netip"
	"sync"
	"testing"

	"wg-bridge/go/testbed"
)

// A segment is what the tests need to know of a packet that holds one.
type segment struct {
	sequence uint32
	payload  int
	fin      bool
}

// segmentOf returns the segment of a TCP packet without IP options.
func segmentOf(packet []byte) segment {
	tcp := packet[testbed.TransportAt(packet):]
	return segment{
		sequence: binary.BigEndian.Uint32(tcp[4:]),
		payload:  len(tcp) - int(tcp[12]>>4)*4,
		fin:      tcp[13]&1 != 0,
	}
}

// A lost segment starts a recovery, during which the stream ends. The recovery succeeds, but the end is lost, and what
// repeats it first is lost too.
func TestTheEndOfAStreamIsRepeatedUntilItArrives(t *testing.T) {
	for name, ends := range map[string][2]netip.Addr{"IPv4": {near4, far4}, "IPv6": {near6, far6}} {
		t.Run(name, func(t *testing.T) {
			testbed.CheckLeaks(t, "no interface")
			near, far := newDevice(t, Config{}, ends[0]), newDevice(t, Config{}, ends[1])
			near.SetRoutes([]netip.Prefix{netip.PrefixFrom(ends[1], ends[1].BitLen())})
			far.SetRoutes([]netip.Prefix{netip.PrefixFrom(ends[0], ends[0].BitLen())})
			lossy := newLossyTail()
			goOn := sync.OnceFunc(func() { close(lossy.ended) })
			t.Cleanup(goOn)
			// Each segment comes alone, so that the far end acknowledges each of them.
			connect(t, wire{from: near, to: far, batch: 1, filter: lossy.passes}, wire{from: far, to: near, batch: 1})
			client, server := establish(t, near, far, ends[1])
			for range segmentsOfTail {
				if _, err := client.Write(make([]byte, segmentLength)); err != nil {
					t.Fatal(err)
				}
			}
			testbed.Wait(t, lossy.repeated, "the repetition of the lost segment")
			if err := client.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			goOn()
			if n, err := io.Copy(io.Discard, server); n != segmentsOfTail*segmentLength || err != nil {
				t.Errorf("%d bytes and %v", n, err)
			}
		})
	}
}

// The stack sends so many segments of so many bytes at once, each by itself, and takes the first for lost once the far
// end has the others.
const (
	segmentsOfTail = 8
	segmentLength  = 1000
)

// A lossyTail loses the first segment of a stream once, and its end twice.
type lossyTail struct {
	repeated chan struct{} // receives once the first segment comes again, which waits until ended is closed
	ended    chan struct{}

	first  uint32 // the sequence number of the first segment; 0 before that
	isGone bool
	ends   int
}

func newLossyTail() *lossyTail {
	return &lossyTail{repeated: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (l *lossyTail) passes(packet []byte) bool {
	s := segmentOf(packet)
	switch {
	case s.fin:
		l.ends++
		return l.ends > 2
	case s.payload == 0:
	case !l.isGone:
		l.first, l.isGone = s.sequence, true
		return false
	case s.sequence == l.first:
		select {
		case l.repeated <- struct{}{}:
			<-l.ended
		default:
		}
	}
	return true
}
