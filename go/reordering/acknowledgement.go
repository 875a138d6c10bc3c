package reordering

import (
	"encoding/binary"

	"wg-bridge/go/inet"
)

// An acknowledgement is a TCP segment without data that says nothing but what has arrived.
type acknowledgement struct {
	number  uint32 // everything before it has arrived
	reports bool   // something behind it has arrived as well, so there is a hole
	end     uint32 // of what has arrived
}

// blockLength is the length of a SACK block in bytes: where it begins, and where it ends.
const blockLength = 8

// parse parses a TCP header that nothing follows.
func parse(header []byte) (a acknowledgement, ok bool) {
	if len(header) < inet.TCPHeaderLength || header[inet.TCPFlags] != inet.TCPACK {
		return acknowledgement{}, false
	}
	a.number = binary.BigEndian.Uint32(header[inet.TCPAcknowledged:])
	a.end = a.number
	blocks, _ := inet.TCPOptionOf(inet.TCPOptionSACK, header[inet.TCPHeaderLength:])
	for ; len(blocks) >= blockLength; blocks = blocks[blockLength:] {
		// One before the number says that something has arrived twice (RFC 2883).
		if end := binary.BigEndian.Uint32(blocks[blockLength/2:]); inet.SequenceAfter(end, a.end) {
			a.reports, a.end = true, end
		}
	}
	return a, true
}

// erase makes a TCP header report no hole.
func erase(header []byte) { inet.EraseTCPOption(inet.TCPOptionSACK, header[inet.TCPHeaderLength:]) }
