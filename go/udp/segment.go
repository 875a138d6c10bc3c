package udp

import "wg-bridge/go/inflight"

const (
	// maxSegments is the maximum number of datagrams in a message (UDP_MAX_SEGMENTS; newer kernels accept 128).
	maxSegments = 64
	// maxDatagram is the maximum payload of a received message in bytes, joined or not.
	maxDatagram = 65535
)

// headers is room for the headers of a message, in bytes: UDP, IPv6, Ethernet with tags, and those of a tunnel of the
// host's such as VXLAN.
const headers = 160

// maxMessage is how many bytes of datagrams leave as one message. An interface takes less than 65,536 bytes with all
// headers (gso_max_size): what is longer the kernel itself cuts before it gets there, even on its way to another program
// of the same host, and that costs half of the throughput.
const maxMessage = 65535 - headers

// A group is a run of packets that leave as one message.
type group struct {
	packets     int
	segmentSize int // bytes of every packet but the last, which may be shorter
	ecn         inflight.ECN
}

// appendGroups divides packets into groups, in order, and appends these: as few as UDP_SEGMENT allows. All packets
// of a group have the same size, except that the last may be shorter; none is empty; together they are at most
// maxMessage bytes long and maxPackets many; and they have the same mark in ecn. A packet longer than maxMessage is a
// group of its own.
func appendGroups(groups []group, packets [][]byte, ecn []inflight.ECN, maxPackets int) []group {
	for len(packets) > 0 {
		size := len(packets[0])
		count, total := 1, size
		for count < len(packets) && count < maxPackets {
			next := len(packets[count])
			if next == 0 || next > size || total+next > maxMessage || ecn[count] != ecn[0] {
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

// splitInto splits a received message into datagrams of segmentSize bytes, the last of which may be shorter, and
// copies them to buffers, with their lengths in sizes. If segmentSize is 0, the message is one datagram. It returns
// how many buffers it filled, and the rest of the message for which there was no buffer.
//
// A datagram that is longer than its buffer is lost, and gets length 0.
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
