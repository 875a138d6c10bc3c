package inflight

import "unsafe"

const (
	// bufferSlots is a power of two, well above the number of buffers that the engine uses at once.
	bufferSlots = 4096
	// bufferBits is the binary logarithm of the size of the engine's buffers, by which their addresses differ.
	bufferBits = 16
)

// buffers is a hash table of the buffers whose packets are inside the engine. If two buffers fall into one
// slot, the older one is forgotten. An address does not keep its buffer alive.
type buffers [bufferSlots]struct {
	address uintptr // 0: the slot is free
	entry   entry
}

// An entry is a packet's position in its flow, and what the engine would not carry with it.
type entry struct {
	flow     *flow
	sequence uint32
	waited   Wait
	ecn      ECN
}

// ECN is the field of an IP header by which routers report congestion (RFC 3168). The engine carries
// packets, not their marks: this package hands the mark of the inner packet to the outer datagram, and back.
type ECN uint8

const (
	NotECT    ECN = 0 // the transport does not support ECN
	Congested ECN = 3 // CE: a router has marked the packet instead of dropping it
)

func (b *buffers) enter(packet []byte, e entry) {
	address := addressOf(packet)
	slot := &b[address>>bufferBits%bufferSlots]
	slot.address, slot.entry = address, e
}

// leave forgets a packet's buffer, and returns the entry with which it entered.
func (b *buffers) leave(packet []byte) (e entry, known bool) {
	address := addressOf(packet)
	slot := &b[address>>bufferBits%bufferSlots]
	if slot.address != address || address == 0 {
		return entry{}, false
	}
	slot.address = 0
	return slot.entry, true
}

func addressOf(packet []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(packet))) }
