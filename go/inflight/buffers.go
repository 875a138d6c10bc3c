package inflight

import "unsafe"

const (
	// mostBuffers is a power of two that is well above how many buffers the engine uses at once.
	mostBuffers = 4096
	// bufferBits is the size of the engine's buffers, by which their addresses differ.
	bufferBits = 16
)

// buffers are those whose packets are inside, and since which period. Two buffers can fall on one place:
// the older one is then not known any more. Addresses do not keep a buffer alive.
type buffers [mostBuffers]struct {
	address uintptr // 0 is none
	period  uint32
}

// enter notes a packet's buffer. It returns the period in which it entered before if it has not left.
func (b *buffers) enter(packet []byte, period uint32) (before uint32, was bool) {
	address := addressOf(packet)
	place := &b[address>>bufferBits%mostBuffers]
	before, was = place.period, place.address == address && address != 0
	place.address, place.period = address, period
	return before, was
}

// leave forgets a packet's buffer, and returns in which period it entered.
func (b *buffers) leave(packet []byte) (period uint32, was bool) {
	address := addressOf(packet)
	place := &b[address>>bufferBits%mostBuffers]
	if place.address != address || address == 0 {
		return 0, false
	}
	place.address = 0
	return place.period, true
}

func addressOf(packet []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(packet))) }
