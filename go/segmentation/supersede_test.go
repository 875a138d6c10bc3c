package segmentation

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

// acknowledging returns an acknowledgement without data.
func acknowledging(version uint8, sequence uint32, change func(transport []byte)) []byte {
	packet := (&testbed.Stream{Version: version, Protocol: unix.IPPROTO_TCP, Sequence: 7}).Packet(nil, inet.TCPACK)
	transport := packet[testbed.TransportAt(packet):]
	binary.BigEndian.PutUint32(transport[inet.TCPAcknowledged:], sequence)
	copy(transport[inet.TCPHeaderLength:], []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2})
	if change != nil {
		change(transport)
	}
	binary.BigEndian.PutUint16(transport[inet.TCPChecksum:], 0)
	inet.PutChecksum(transport, inet.TCPChecksum, inet.PseudoHeader(inet.Addresses(packet), unix.IPPROTO_TCP, len(transport)).Add(transport))
	return packet
}

// kept returns the indices of the packets that are left of a batch.
func kept(supersedes bool, packets ...[]byte) (left []int) {
	j := newJoiner()
	j.Supersedes = supersedes
	j.Join(testbed.Buffers(packets), testbed.Headroom)
	for _, r := range j.Runs {
		for at := r.First; at >= 0; at = j.Next[at] {
			left = append(left, at)
		}
	}
	return left
}

func TestOfAcknowledgementsInARowTheLastIsKept(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		// The numbers wrap around.
		var row [][]byte
		for i := range uint32(5) {
			row = append(row, acknowledging(version, 0xffff_fff0+i*10, nil))
		}
		if got := kept(true, row...); !slices.Equal(got, []int{4}) {
			t.Errorf("IPv%d: kept %v of five", version, got)
		}
		if got := kept(false, row...); len(got) != 5 {
			t.Errorf("IPv%d: kept %v, though all are wanted", version, got)
		}
	}
}

func TestAnAcknowledgementThatSaysMoreIsKept(t *testing.T) {
	earlier, later := acknowledging(4, 100, nil), acknowledging(4, 200, nil)
	data := (&testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP, Sequence: 7}).Packet([]byte("data"), inet.TCPACK)
	selective := func(transport []byte) { transport[inet.TCPHeaderLength+2] = 5 }
	for name, c := range map[string]struct {
		packets [][]byte
		left    []int
	}{
		"the same again: a segment is missing":   {[][]byte{earlier, acknowledging(4, 100, nil)}, []int{0, 1}},
		"an older one, which was overtaken":      {[][]byte{later, earlier}, []int{0, 1}},
		"a selective one before":                 {[][]byte{acknowledging(4, 100, selective), later}, []int{0, 1}},
		"a selective one after":                  {[][]byte{earlier, acknowledging(4, 200, selective)}, []int{0, 1}},
		"one with data between":                  {[][]byte{earlier, data, later}, []int{0, 1, 2}},
		"one of another flow between":            {[][]byte{earlier, acknowledging(6, 150, nil), later}, []int{2, 1}},
		"the end of the other side":              {[][]byte{earlier, acknowledging(4, 200, setFlag(inet.TCPFIN))}, []int{0, 1}},
		"a mark of congestion":                   {[][]byte{acknowledging(4, 100, setFlag(inet.TCPECE)), later}, []int{0, 1}},
		"a reset":                                {[][]byte{earlier, acknowledging(4, 200, setFlag(inet.TCPRST))}, []int{0, 1}},
		"another port":                           {[][]byte{earlier, acknowledging(4, 200, func(transport []byte) { transport[1]++ })}, []int{0, 1}},
		"what repeats, and then what says more":  {[][]byte{earlier, acknowledging(4, 100, nil), later}, []int{0, 2}},
		"a wrong checksum: it might say nothing": {[][]byte{earlier, wrong(later)}, []int{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := kept(true, c.packets...); !slices.Equal(got, c.left) {
				t.Errorf("kept %v, want %v", got, c.left)
			}
		})
	}
}

func setFlag(flag uint8) func([]byte) {
	return func(transport []byte) { transport[inet.TCPFlags] |= flag }
}

func wrong(packet []byte) []byte {
	packet = slices.Clone(packet)
	packet[len(packet)-1]++
	return packet
}

func TestAnAcknowledgementThatIsKeptIsIntact(t *testing.T) {
	buffers := testbed.Buffers([][]byte{acknowledging(4, 100, nil), acknowledging(4, 200, nil)})
	j := newJoiner()
	j.Supersedes = true
	j.Join(buffers, testbed.Headroom)
	r := &j.Runs[0]
	right, known := r.Intact(buffers[r.First][testbed.Headroom:])
	if got := fmt.Sprint(len(j.Runs), r.Count, r.First, right, known); got != "1 1 1 true true" {
		t.Errorf("runs, packets, the first, right, known: %s", got)
	}
}
