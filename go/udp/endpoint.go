package udp

import (
	"net/netip"
	"sync/atomic"

	"golang.zx2c4.com/wireguard/conn"
)

var _ conn.Endpoint = (*Endpoint)(nil)

// An Endpoint is where a peer is reached, and the local address to reach it from.
//
// The engine clears the source while other goroutines send: the source is never changed in place.
type Endpoint struct {
	destination netip.AddrPort
	ifindex     uint32                 // the zone's, of an address that the kernel gave; otherwise 0
	source      atomic.Pointer[source] // nil: none was learnt, or it was cleared
	verdict     atomic.Uint64          // a verdict on the source
}

// A source is the local address that a packet was sent to, and the interface that it arrived on.
type source struct {
	address netip.Addr
	ifindex uint32
}

func newEndpoint(destination netip.AddrPort) *Endpoint {
	return &Endpoint{destination: netip.AddrPortFrom(destination.Addr().Unmap(), destination.Port())}
}

// ClearSrc forgets the source address: the routing table chooses one for the next packet.
func (e *Endpoint) ClearSrc() { e.source.Store(nil) }

// SrcIP is the local address that the peer wrote to, or the zero address where none was learnt. Answers
// are sent from it as long as the routes allow that.
func (e *Endpoint) SrcIP() netip.Addr {
	if source := e.source.Load(); source != nil {
		return source.address
	}
	return netip.Addr{}
}

// SrcToString is SrcIP as text, "invalid IP" where none was learnt.
func (e *Endpoint) SrcToString() string { return e.SrcIP().String() }

// DstIP is the peer's address.
func (e *Endpoint) DstIP() netip.Addr { return e.destination.Addr() }

// DstToString is the peer's address and port, as ParseEndpoint reads it.
func (e *Endpoint) DstToString() string { return e.destination.String() }

// DstToBytes is the peer's address and port in the binary form that cookies are made from.
func (e *Endpoint) DstToBytes() []byte {
	// An AddrPort always has a binary form: the error is only there for the interface's sake.
	bytes, _ := e.destination.MarshalBinary()
	return bytes
}
