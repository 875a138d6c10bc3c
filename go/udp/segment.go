package udp

import (
	"net/netip"

	"wg-bridge/go/inflight"
)

const (
	// maxSegments is how many datagrams the kernel cuts a message into at most (UDP_MAX_SEGMENTS;
	// newer kernels take 128).
	maxSegments = 64
	// maxDatagram is the largest payload of a received message in bytes, joined or not.
	maxDatagram = 65535
)

// maxPayload is the largest payload in bytes of one message to an address: 65,535 less the UDP
// header, and less the IPv4 header, which IPv6 does not count.
func maxPayload(to netip.Addr) int {
	if to.Is4() {
		return 65535 - 20 - 8
	}
	return 65535 - 8
}

// A group is a run of packets that leave as one message.
type group struct {
	packets     int
	segmentSize int // bytes of every packet but the last, which may be shorter
	ecn         inflight.ECN
}

// appendGroups appends the groups that packets fall into, in order: as few as the rules of
// UDP_SEGMENT allow. All packets of a group but the last have one size, the last is no longer, none
// is empty, and together they fit in limit bytes and most datagrams. A packet that exceeds limit is a
// group of its own. ecn are the packets' marks: those of a group have the same.
func appendGroups(groups []group, packets [][]byte, ecn []inflight.ECN, limit, most int) []group {
	for len(packets) > 0 {
		size := len(packets[0])
		count, total := 1, size
		for count < len(packets) && count < most {
			next := len(packets[count])
			if next == 0 || next > size || total+next > limit || ecn[count] != ecn[0] {
				break
			}
			count++
			total += next
			if next < size {
				break
			}
		}
		groups = append(groups, group{packets: count, segmentSize: size, ecn: ecn[0]})
		packets, ecn = packets[count:], ecn[count:]
	}
	return groups
}

// splitInto cuts a received message into datagrams of segmentSize bytes, the last of which may be
// shorter, and copies them to buffers, with their lengths in sizes. Size 0 is a message that is one
// datagram. It returns how many buffers it filled and what there was no buffer for.
//
// A datagram that is longer than its buffer is lost and has length 0.
func splitInto(buffers [][]byte, sizes []int, message []byte, segmentSize int) (filled int, rest []byte) {
	if segmentSize <= 0 || len(message) == 0 {
		segmentSize = len(message)
	}
	for filled < len(buffers) {
		datagram := message[:min(segmentSize, len(message))]
		message = message[len(datagram):]
		sizes[filled] = len(datagram)
		if len(datagram) > len(buffers[filled]) {
			sizes[filled] = 0
		} else {
			copy(buffers[filled], datagram)
		}
		filled++
		if len(message) == 0 {
			return filled, nil
		}
	}
	return filled, message
}
