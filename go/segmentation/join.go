package segmentation

import (
	"bytes"
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
)

// MaxSegments bounds a joined packet, so that the kernel can segment it again for any driver.
const MaxSegments = 64

// A Run is a sequence of packets of one flow that reach the stack as one packet, or a single packet of any kind.
type Run struct {
	First   int   // the first packet, by its index in the batch; Joiner.Next leads from one to the other
	Count   int   // of packets
	Refused error // why the stack did not accept the packet joined with others

	last     int
	open     bool // more packets may be joined to it
	pure     bool // it is an acknowledgement that another one may supersede
	flow     flow
	length   int    // of all headers once and all payloads, in bytes
	size     int    // payload bytes of each packet but the last
	sequence uint32 // of TCP: the next packet's
	id       uint16 // of IPv4: the next packet's
	summed   bool   // the first packet's checksum has been verified
}

// Kind returns the kind of a run that is or was joined.
func (r *Run) Kind() Kind { return r.flow.kind() }

// Headers returns the length of all headers of a packet, in bytes. It is 0 if they are not known.
func (r *Run) Headers() int { return int(r.flow.headers) }

// TCPHeader returns where the TCP header of a run's first packet begins, and whether the packet ends with it.
func (r *Run) TCPHeader(first []byte) (at int, alone bool) {
	return int(r.flow.ip), r.flow.isTCPAlone(first)
}

// isTCPAlone reports whether a packet of the flow ends with a TCP header.
func (f flow) isTCPAlone(packet []byte) bool {
	return f.protocol == unix.IPPROTO_TCP && len(packet) == int(f.headers)
}

// Length returns the length of a run of more than one packet, of its headers once and all payloads, in bytes.
func (r *Run) Length() int { return r.length }

// Plan returns how to cut a run of more than one packet again.
func (r *Run) Plan() Plan {
	return Plan{
		Kind:           r.flow.kind(),
		TransportAt:    int(r.flow.ip),
		ChecksumOffset: inet.ChecksumAt(r.flow.protocol),
		Size:           r.size,
	}
}

// A flow is what packets must have in common to be joined. Comparing it is quick, and rules out most candidates.
type flow struct {
	ports    uint32
	protocol uint8
	version  uint8
	ip       uint8 // length of the IP header in bytes
	headers  uint8 // of all headers
}

// A Joiner joins the packets of a batch so that a stack accepts many at once, as if they were still to be segmented
// (TSO, USO). It keeps its memory from batch to batch.
type Joiner struct {
	Joins [Kinds]bool // what the stack accepts joined
	// Supersedes drops an acknowledgement if the next packet of its flow is another one, which acknowledges more. It is for
	// a sender that counts what is acknowledged, not how often, and then sends more at once.
	Supersedes bool

	Runs []Run // of the latest batch, ordered by the first packets that they had
	Next []int // for each packet of the batch, the one joined to it, or -1
}

// Join makes the runs of a batch. The packets of one flow keep their order. offset is where the packet begins in each
// buffer.
func (j *Joiner) Join(buffers [][]byte, offset int) {
	j.Runs, j.Next = j.Runs[:0], j.Next[:0]
	for i, buffer := range buffers {
		j.Next = append(j.Next, -1)
		packet := buffer[offset:]
		flow, joinable := j.flowOf(packet)
		if !joinable {
			pure := j.Supersedes && isPure(flow, packet)
			if pure {
				if r := j.latest(buffers, offset, flow, packet); r != nil && r.supersede(buffers, offset, i) {
					continue
				}
			}
			// Its flow is kept, so that no later packet is joined to an earlier one.
			j.Runs = append(j.Runs, Run{First: i, last: i, Count: 1, flow: flow, pure: pure})
			continue
		}
		if r := j.latest(buffers, offset, flow, packet); r != nil && r.open && r.join(buffers, offset, packet) {
			j.Next[r.last] = i
			r.last = i
			continue
		}
		j.Runs = append(j.Runs, begin(i, flow, packet))
	}
}

// flowOf returns the flow of a packet, if it is known, and whether the packet can be joined with others.
func (j *Joiner) flowOf(packet []byte) (f flow, joinable bool) {
	if len(packet) < inet.IPv4HeaderLength {
		return flow{}, false
	}
	f.version = packet[0] >> 4
	switch f.version {
	case 4:
		fragment := binary.BigEndian.Uint16(packet[inet.IPv4Fragment:])
		if packet[0]&0xf != inet.IPv4HeaderLength/4 || fragment&inet.IPv4FragmentOfMore != 0 ||
			int(binary.BigEndian.Uint16(packet[inet.IPv4TotalLength:])) != len(packet) {
			return flow{}, false
		}
		f.protocol, f.ip = packet[inet.IPv4Protocol], inet.IPv4HeaderLength
	case 6:
		if len(packet) < inet.IPv6HeaderLength ||
			int(binary.BigEndian.Uint16(packet[inet.IPv6PayloadLength:])) != len(packet)-inet.IPv6HeaderLength {
			return flow{}, false
		}
		f.protocol, f.ip = packet[inet.IPv6NextHeader], inet.IPv6HeaderLength
	default:
		return flow{}, false
	}
	transport := packet[f.ip:]
	switch f.protocol {
	case unix.IPPROTO_TCP:
		if len(transport) < inet.TCPHeaderLength {
			return flow{}, false
		}
		header := transport[inet.TCPDataOffset] >> 4 * 4
		f.headers = f.ip + header
		joinable = j.Joins[f.kind()] &&
			header >= inet.TCPHeaderLength && len(transport) > int(header) &&
			transport[inet.TCPFlags]&^(inet.TCPPSH|inet.TCPECE) == inet.TCPACK
	case unix.IPPROTO_UDP:
		if len(transport) < inet.UDPHeaderLength {
			return flow{}, false
		}
		f.headers = f.ip + inet.UDPHeaderLength
		joinable = j.Joins[f.kind()] && len(transport) > inet.UDPHeaderLength &&
			int(binary.BigEndian.Uint16(transport[inet.UDPLength:])) == len(transport) &&
			binary.BigEndian.Uint16(transport[inet.UDPChecksum:]) != 0
	default:
		return flow{}, false
	}
	f.ports = binary.NativeEndian.Uint32(transport)
	return f, joinable
}

// latest returns the last run between the packet's ends if it is of the packet's flow, and otherwise nil.
func (j *Joiner) latest(buffers [][]byte, offset int, of flow, packet []byte) *Run {
	for i := len(j.Runs) - 1; i >= 0; i-- {
		r := &j.Runs[i]
		if r.flow.ports != of.ports || r.flow.protocol != of.protocol || r.flow.version != of.version ||
			!bytes.Equal(inet.Addresses(buffers[r.First][offset:]), inet.Addresses(packet)) {
			continue
		}
		if r.flow == of {
			return r
		}
		return nil
	}
	return nil
}

func begin(i int, of flow, packet []byte) Run {
	r := Run{First: i, last: i, Count: 1, open: true, flow: of, length: len(packet), size: len(packet) - int(of.headers)}
	if of.version == 4 {
		r.id = binary.BigEndian.Uint16(packet[inet.IPv4ID:]) + 1
	}
	if of.protocol == unix.IPPROTO_TCP {
		transport := packet[of.ip:]
		r.sequence = binary.BigEndian.Uint32(transport[inet.TCPSequence:]) + uint32(r.size)
		r.open = transport[inet.TCPFlags]&inet.TCPPSH == 0
	}
	return r
}

// join adds a packet of the same flow to the run if segmenting the run would restore exactly that packet, and if the checksums of both are right: nobody verifies them after this.
func (r *Run) join(buffers [][]byte, offset int, packet []byte) bool {
	first := buffers[r.First][offset:]
	payload := len(packet) - int(r.flow.headers)
	if payload > r.size || r.length+payload > inet.MaxPacket || r.Count == MaxSegments ||
		!r.sameHeaders(first, packet) {
		return false
	}
	if !r.summed {
		if !intact(r.flow, first) {
			r.open = false
			return false
		}
		r.summed = true
	}
	if !intact(r.flow, packet) {
		return false
	}
	r.Count++
	r.length += payload
	r.id++
	r.open = payload == r.size
	if r.flow.protocol == unix.IPPROTO_TCP {
		r.sequence += uint32(payload)
		if flags := packet[r.flow.ip+inet.TCPFlags]; flags&inet.TCPPSH != 0 {
			first[r.flow.ip+inet.TCPFlags] |= inet.TCPPSH // Segmenting sets it on the last segment only.
			r.open = false
		}
	}
	return true
}

// sameHeaders reports whether all fields are the same, except lengths, checksums, sequence number and ID, which must
// continue the run's.
func (r *Run) sameHeaders(first, packet []byte) bool {
	if r.flow.version == 4 {
		fragment := binary.BigEndian.Uint16(packet[inet.IPv4Fragment:])
		if packet[1] != first[1] || packet[inet.IPv4TTL] != first[inet.IPv4TTL] ||
			fragment != binary.BigEndian.Uint16(first[inet.IPv4Fragment:]) {
			return false
		}
		// A packet that may be fragmented needs its own ID; in others the ID has no meaning (RFC 6864).
		if fragment&inet.IPv4DontFragment == 0 && binary.BigEndian.Uint16(packet[inet.IPv4ID:]) != r.id {
			return false
		}
	} else if !bytes.Equal(packet[:inet.IPv6PayloadLength], first[:inet.IPv6PayloadLength]) || // class and flow label
		packet[inet.IPv6HopLimit] != first[inet.IPv6HopLimit] {
		return false
	}
	if r.flow.protocol != unix.IPPROTO_TCP {
		return true
	}
	header, before := packet[r.flow.ip:r.flow.headers], first[r.flow.ip:r.flow.headers]
	return binary.BigEndian.Uint32(header[inet.TCPSequence:]) == r.sequence &&
		bytes.Equal(header[inet.TCPAcknowledged:inet.TCPDataOffset+1], before[inet.TCPAcknowledged:inet.TCPDataOffset+1]) &&
		header[inet.TCPFlags]&inet.TCPECE == before[inet.TCPFlags]&inet.TCPECE &&
		bytes.Equal(header[inet.TCPFlags+1:inet.TCPChecksum], before[inet.TCPFlags+1:inet.TCPChecksum]) && // window
		bytes.Equal(header[inet.TCPChecksum+2:], before[inet.TCPChecksum+2:]) // urgent pointer, options
}

// intact reports whether a packet's transport checksum is right, and that of an IPv4 header.
func intact(of flow, packet []byte) bool {
	if of.version == 4 && inet.Sum(0).Add(packet[:of.ip]).Folded() != 0xffff {
		return false
	}
	transport := packet[of.ip:]
	return inet.PseudoHeader(inet.Addresses(packet), of.protocol, len(transport)).Add(transport).Folded() == 0xffff
}

// Intact reports whether the checksums of all packets of a run are right. first is its first packet. They are if it
// has several. Of some packets, such as fragments, this package knows no checksum: then known is false.
func (r *Run) Intact(first []byte) (right, known bool) {
	switch {
	case r.summed:
		return true, true
	case r.flow.headers == 0:
		return false, false
	case r.flow.protocol == unix.IPPROTO_UDP:
		header := first[r.flow.ip:]
		if int(binary.BigEndian.Uint16(header[inet.UDPLength:])) != len(header) ||
			binary.BigEndian.Uint16(header[inet.UDPChecksum:]) == 0 {
			return false, false
		}
	}
	return intact(r.flow, first), true
}

// JoinHeaders turns the headers of the first packet of a run of more than one into those of the joined packet. Its
// checksum field then holds the pseudo header's sum.
func (r *Run) JoinHeaders(packet []byte) {
	transport := packet[r.flow.ip:]
	if r.flow.protocol == unix.IPPROTO_UDP {
		binary.BigEndian.PutUint16(transport[inet.UDPLength:], uint16(r.length-int(r.flow.ip)))
	}
	inet.SetLength(packet[:r.flow.ip], r.length)
	binary.BigEndian.PutUint16(transport[inet.ChecksumAt(r.flow.protocol):],
		inet.PseudoHeader(inet.Addresses(packet), r.flow.protocol, r.length-int(r.flow.ip)).Folded())
}

// separate undoes what JoinHeaders and join changed. packet is the run's first.
func (r *Run) separate(packet []byte) {
	transport := packet[r.flow.ip:]
	if r.flow.protocol == unix.IPPROTO_TCP {
		transport[inet.TCPFlags] &^= inet.TCPPSH // It came from the last packet: a packet with PSH ends its run.
	} else {
		binary.BigEndian.PutUint16(transport[inet.UDPLength:], uint16(len(transport)))
	}
	inet.SetLength(packet[:r.flow.ip], len(packet))
	at := inet.ChecksumAt(r.flow.protocol)
	binary.BigEndian.PutUint16(transport[at:], 0)
	inet.PutChecksum(transport, at, inet.PseudoHeader(inet.Addresses(packet), r.flow.protocol, len(transport)).Add(transport))
}

// Separate replaces run i by one run for each of its packets. refused says why.
func (j *Joiner) Separate(i int, buffers [][]byte, offset int, refused error) {
	joined := j.Runs[i]
	joined.separate(buffers[joined.First][offset:])
	singles := make([]Run, 0, joined.Count)
	for at := joined.First; at >= 0; {
		singles = append(singles, Run{First: at, last: at, Count: 1, flow: joined.flow, Refused: refused})
		at, j.Next[at] = j.Next[at], -1
	}
	j.Runs = slices.Replace(j.Runs, i, i+1, singles...)
}
