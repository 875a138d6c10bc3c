package segmentation

import (
	"bytes"
	"encoding/binary"

	"wg-bridge/go/inet"
)

// timestampsAlone are the first bytes of TCP options that are timestamps, as all systems write them (RFC 7323, appendix A).
var timestampsAlone = []byte{1, 1, 8, 10}

// timestampsLength is the length of those options in bytes.
const timestampsLength = 12

// isPure reports whether a packet of a flow is an acknowledgement that says nothing else: it has no data, no selective
// acknowledgement and no other flag.
func isPure(of flow, packet []byte) bool {
	if !of.isTCPAlone(packet) {
		return false
	}
	transport := packet[of.ip:]
	if transport[inet.TCPFlags] != inet.TCPACK {
		return false
	}
	options := transport[inet.TCPHeaderLength:]
	return len(options) == 0 || len(options) == timestampsLength && bytes.HasPrefix(options, timestampsAlone)
}

// supersede makes a pure acknowledgement, the packet i, take the place of the run, and reports whether it may: if the run
// is one of the same flow that acknowledges less, and the packet's checksum is right.
func (r *Run) supersede(buffers [][]byte, offset, i int) bool {
	before, packet := buffers[r.First][offset:], buffers[i][offset:]
	acknowledged := func(packet []byte) uint32 {
		return binary.BigEndian.Uint32(packet[r.flow.ip+inet.TCPAcknowledged:])
	}
	if !r.pure || !inet.SequenceAfter(acknowledged(packet), acknowledged(before)) || !intact(r.flow, packet) {
		return false
	}
	r.First, r.last, r.summed = i, i, true
	return true
}
