package tun

import (
	"bytes"
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	// maxPacket is the maximum length of an IP packet in bytes: what fits in IPv4's length field.
	maxPacket = 65535
	// maxSegments bounds a joined packet, so that the kernel can segment it again for any driver.
	maxSegments = 64
)

// A run is a sequence of packets of one flow that reach the kernel as one packet, or a single packet of any kind.
type run struct {
	first, last int // packets, by their index in the batch; coalescer.next leads from one to the other
	count       int
	open        bool // more packets may be joined to it
	flow        flow
	length      int    // of all headers once and all payloads, in bytes
	size        int    // payload bytes of each packet but the last
	sequence    uint32 // of TCP: the next packet's
	id          uint16 // of IPv4: the next packet's
	summed      bool   // the first packet's checksum has been verified
	refused     error  // why the kernel did not accept the packet joined with others
}

// A flow is what packets must have in common to be joined. Comparing it is quick, and rules out most candidates.
type flow struct {
	ports    uint32
	protocol uint8
	version  uint8
	ip       uint8 // length of the IP header in bytes
	headers  uint8 // of all headers
}

// A coalescer joins the packets of a batch so that the kernel accepts many at once, as if they were still to be
// segmented (TSO, USO). It keeps its memory from batch to batch.
type coalescer struct {
	joins [kinds]bool // what the kernel can segment

	runs []run
	next []int // for each packet of the batch, the one joined to it, or -1
}

// coalesce stores the runs of a batch in c.runs, ordered by their first packets. The packets of one flow keep their
// order. offset is where the packet begins in each buffer; at least virtioSize bytes before it are free for
// joinHeaders.
func (c *coalescer) coalesce(buffers [][]byte, offset int) {
	c.runs, c.next = c.runs[:0], c.next[:0]
	for i, buffer := range buffers {
		c.next = append(c.next, -1)
		packet := buffer[offset:]
		flow, joinable := c.flowOf(packet)
		if !joinable {
			// Its flow is kept, so that no later packet is joined to an earlier one.
			c.runs = append(c.runs, run{first: i, last: i, count: 1, flow: flow})
			continue
		}
		if r := c.latest(buffers, offset, flow, packet); r != nil && r.join(buffers, offset, packet) {
			c.next[r.last] = i
			r.last = i
			continue
		}
		c.runs = append(c.runs, begin(i, flow, packet))
	}
}

// flowOf returns the flow of a packet, if it is known, and whether the packet can be joined with others.
func (c *coalescer) flowOf(packet []byte) (f flow, joinable bool) {
	if len(packet) < ipv4HeaderLength {
		return flow{}, false
	}
	f.version = packet[0] >> 4
	switch f.version {
	case 4:
		fragment := binary.BigEndian.Uint16(packet[ipv4Fragment:])
		if packet[0]&0xf != ipv4HeaderLength/4 || fragment&ipv4FragmentOfMore != 0 ||
			int(binary.BigEndian.Uint16(packet[ipv4TotalLength:])) != len(packet) {
			return flow{}, false
		}
		f.protocol, f.ip = packet[ipv4Protocol], ipv4HeaderLength
	case 6:
		if len(packet) < ipv6HeaderLength ||
			int(binary.BigEndian.Uint16(packet[ipv6PayloadLength:])) != len(packet)-ipv6HeaderLength {
			return flow{}, false
		}
		f.protocol, f.ip = packet[ipv6NextHeader], ipv6HeaderLength
	default:
		return flow{}, false
	}
	transport := packet[f.ip:]
	switch f.protocol {
	case unix.IPPROTO_TCP:
		if len(transport) < tcpHeaderLength {
			return flow{}, false
		}
		header := transport[tcpDataOffset] >> 4 * 4
		f.headers = f.ip + header
		joinable = c.joins[f.kind()] &&
			header >= tcpHeaderLength && len(transport) > int(header) &&
			transport[tcpFlags]&^(tcpPSH|tcpECE) == tcpACK
	case unix.IPPROTO_UDP:
		if len(transport) < udpHeaderLength {
			return flow{}, false
		}
		f.headers = f.ip + udpHeaderLength
		joinable = c.joins[f.kind()] && len(transport) > udpHeaderLength &&
			int(binary.BigEndian.Uint16(transport[udpLength:])) == len(transport) &&
			binary.BigEndian.Uint16(transport[udpChecksum:]) != 0
	default:
		return flow{}, false
	}
	f.ports = binary.NativeEndian.Uint32(transport)
	return f, joinable
}

// latest returns the last run of the packet's flow if that run is open, and otherwise nil.
func (c *coalescer) latest(buffers [][]byte, offset int, of flow, packet []byte) *run {
	for i := len(c.runs) - 1; i >= 0; i-- {
		r := &c.runs[i]
		if r.flow.ports != of.ports || r.flow.protocol != of.protocol || r.flow.version != of.version ||
			!bytes.Equal(addresses(buffers[r.first][offset:]), addresses(packet)) {
			continue
		}
		if r.open && r.flow == of {
			return r
		}
		return nil
	}
	return nil
}

func begin(i int, of flow, packet []byte) run {
	r := run{first: i, last: i, count: 1, open: true, flow: of, length: len(packet), size: len(packet) - int(of.headers)}
	if of.version == 4 {
		r.id = binary.BigEndian.Uint16(packet[ipv4ID:]) + 1
	}
	if of.protocol == unix.IPPROTO_TCP {
		transport := packet[of.ip:]
		r.sequence = binary.BigEndian.Uint32(transport[tcpSequence:]) + uint32(r.size)
		r.open = transport[tcpFlags]&tcpPSH == 0
	}
	return r
}

// join adds a packet of the same flow to the run if the kernel, segmenting the run, would restore exactly that
// packet, and if the checksums of both are right: nobody verifies them after this.
func (r *run) join(buffers [][]byte, offset int, packet []byte) bool {
	first := buffers[r.first][offset:]
	payload := len(packet) - int(r.flow.headers)
	if payload > r.size || r.length+payload > maxPacket || r.count == maxSegments ||
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
	r.count++
	r.length += payload
	r.id++
	r.open = payload == r.size
	if r.flow.protocol == unix.IPPROTO_TCP {
		r.sequence += uint32(payload)
		if flags := packet[r.flow.ip+tcpFlags]; flags&tcpPSH != 0 {
			first[r.flow.ip+tcpFlags] |= tcpPSH // The kernel sets it on the last segment only.
			r.open = false
		}
	}
	return true
}

// sameHeaders reports whether all fields are the same, except lengths, checksums, sequence number and ID, which must
// continue the run's.
func (r *run) sameHeaders(first, packet []byte) bool {
	if r.flow.version == 4 {
		fragment := binary.BigEndian.Uint16(packet[ipv4Fragment:])
		if packet[1] != first[1] || packet[ipv4TTL] != first[ipv4TTL] ||
			fragment != binary.BigEndian.Uint16(first[ipv4Fragment:]) {
			return false
		}
		// A packet that may be fragmented needs its own ID; in others the ID has no meaning (RFC 6864).
		if fragment&ipv4DontFragment == 0 && binary.BigEndian.Uint16(packet[ipv4ID:]) != r.id {
			return false
		}
	} else if !bytes.Equal(packet[:ipv6PayloadLength], first[:ipv6PayloadLength]) || // class and flow label
		packet[ipv6HopLimit] != first[ipv6HopLimit] {
		return false
	}
	if r.flow.protocol != unix.IPPROTO_TCP {
		return true
	}
	header, before := packet[r.flow.ip:r.flow.headers], first[r.flow.ip:r.flow.headers]
	return binary.BigEndian.Uint32(header[tcpSequence:]) == r.sequence &&
		bytes.Equal(header[tcpAcknowledged:tcpDataOffset+1], before[tcpAcknowledged:tcpDataOffset+1]) &&
		header[tcpFlags]&tcpECE == before[tcpFlags]&tcpECE &&
		bytes.Equal(header[tcpFlags+1:tcpChecksum], before[tcpFlags+1:tcpChecksum]) && // window
		bytes.Equal(header[tcpChecksum+2:], before[tcpChecksum+2:]) // urgent pointer, options
}

// intact reports whether a packet's transport checksum is right, and that of an IPv4 header.
func intact(of flow, packet []byte) bool {
	if of.version == 4 && sum(0).add(packet[:of.ip]).folded() != 0xffff {
		return false
	}
	transport := packet[of.ip:]
	return pseudoHeader(addresses(packet), of.protocol, len(transport)).add(transport).folded() == 0xffff
}

// joinHeaders turns the headers of the run's first packet into those of the joined packet, and writes the virtio
// header before it.
func (r *run) joinHeaders(buffer []byte, offset int) {
	if r.count == 1 {
		clear(buffer[offset-virtioSize : offset])
		return
	}
	header := virtioHeader{
		flags:          unix.VIRTIO_NET_HDR_F_NEEDS_CSUM,
		headerLength:   uint16(r.flow.headers),
		segmentSize:    uint16(r.size),
		checksumStart:  uint16(r.flow.ip),
		checksumOffset: uint16(checksumAt(r.flow.protocol)),
	}
	packet := buffer[offset:]
	transport := packet[r.flow.ip:]
	switch {
	case r.flow.protocol == unix.IPPROTO_UDP:
		header.gsoType = unix.VIRTIO_NET_HDR_GSO_UDP_L4
		binary.BigEndian.PutUint16(transport[udpLength:], uint16(r.length-int(r.flow.ip)))
	case r.flow.version == 4:
		header.gsoType = unix.VIRTIO_NET_HDR_GSO_TCPV4
	default:
		header.gsoType = unix.VIRTIO_NET_HDR_GSO_TCPV6
	}
	setLength(packet[:r.flow.ip], r.length)
	binary.BigEndian.PutUint16(transport[checksumAt(r.flow.protocol):],
		pseudoHeader(addresses(packet), r.flow.protocol, r.length-int(r.flow.ip)).folded())
	header.encode(buffer[offset-virtioSize:])
}

// separate undoes what joinHeaders and join changed. packet is the run's first.
func (r *run) separate(packet []byte) {
	transport := packet[r.flow.ip:]
	if r.flow.protocol == unix.IPPROTO_TCP {
		transport[tcpFlags] &^= tcpPSH // It came from the last packet: a packet with PSH ends its run.
	} else {
		binary.BigEndian.PutUint16(transport[udpLength:], uint16(len(transport)))
	}
	setLength(packet[:r.flow.ip], len(packet))
	at := checksumAt(r.flow.protocol)
	binary.BigEndian.PutUint16(transport[at:], 0)
	putChecksum(transport, at, pseudoHeader(addresses(packet), r.flow.protocol, len(transport)).add(transport))
}

// separate replaces run i by one run for each of its packets. refused says why.
func (c *coalescer) separate(i int, buffers [][]byte, offset int, refused error) {
	joined := c.runs[i]
	joined.separate(buffers[joined.first][offset:])
	singles := make([]run, 0, joined.count)
	for at := joined.first; at >= 0; {
		singles = append(singles, run{first: at, last: at, count: 1, flow: joined.flow, refused: refused})
		at, c.next[at] = c.next[at], -1
	}
	c.runs = slices.Replace(c.runs, i, i+1, singles...)
}
