package inflight

import (
	"unsafe"
)

const (
	// bufferPlaces is a power of two that is well above how many buffers the engine uses at once.
	bufferPlaces = 4096
	// bufferBits is the size of the engine's buffers, by which their addresses differ.
	bufferBits = 16
)

// buffers are those whose packets are inside the engine. Two buffers can fall on one place: the older
// one is then forgotten. Addresses do not keep a buffer alive.
type buffers [bufferPlaces]struct {
	address uintptr // 0 is none
	entry   entry
}

// An entry is a packet's place in its flow, and its mark.
type entry struct {
	flow     *flow
	sequence uint32
	ecn      ECN
}

func (b *buffers) enter(packet []byte, e entry) {
	address := addressOf(packet)
	place := &b[address>>bufferBits%bufferPlaces]
	place.address, place.entry = address, e
}

// leave forgets a packet's buffer, and returns as what it entered.
func (b *buffers) leave(packet []byte) (e entry, known bool) {
	address := addressOf(packet)
	place := &b[address>>bufferBits%bufferPlaces]
	if place.address != address || address == 0 {
		return entry{}, false
	}
	place.address = 0
	return place.entry, true
}

func addressOf(packet []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(packet))) }

// ECN is the field of an IP header by which routers report congestion (RFC 3168). The engine carries
// packets, not their marks: those of the packet inside and of the datagram outside meet here.
type ECN uint8

const (
	NotECT    ECN = 0 // the transport does not support it
	Congested ECN = 3 // CE: a router has marked the packet instead of dropping it
)
