package udp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
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

// maxEndpoints bounds how many peers can send in turn without a new endpoint for each datagram, which
// costs an allocation, and a question about its route once it is answered. They take about a MiB.
const maxEndpoints = 8192

// An endpointCache is the endpoints that datagrams came from lately, for one goroutine.
//
// An endpoint in use is not changed here, but replaced by another: the datagram that says something
// new is not authenticated yet.
type endpointCache map[sockaddr]*Endpoint

// endpoint is the known one of a sender, whose address has length bytes, if it says the same, and
// otherwise a new one. Whoever sends from many addresses makes the cache begin anew and anew, which
// costs allocations, but no memory.
func (c endpointCache) endpoint(sender *sockaddr, length uint32, from source) *Endpoint {
	if known, found := c[*sender]; found {
		if learnt := known.source.Load(); learnt != nil && *learnt == from {
			return known
		}
	}
	e := &Endpoint{}
	e.destination, e.ifindex = decodeSockaddr(sender, length)
	if !from.address.IsValid() || from.address.IsUnspecified() || !e.destination.IsValid() {
		return e
	}
	learnt := from // Its own variable, as one that is pointed at is allocated.
	e.source.Store(&learnt)
	if len(c) >= maxEndpoints {
		clear(c)
	}
	c[*sender] = e
	return e
}

// scope is the interface index that the zone of the destination means where the socket is, or 0
// without a zone. The error is that there is no such interface.
//
// A zone that a person gave is a name or an index, and is read as getaddrinfo(3) does: as a name first,
// since an interface may be called 100. It is looked up each time: an interface that comes again has
// another index.
func (e *Endpoint) scope(s *socket) (uint32, error) {
	zone := e.destination.Addr().Zone()
	if zone == "" || e.ifindex != 0 {
		return e.ifindex, nil
	}
	ifindex, err := s.interfaceByName(zone)
	if !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.EINVAL) {
		return ifindex, err
	}
	if number, notANumber := strconv.ParseUint(zone, 10, 32); notANumber == nil {
		return uint32(number), nil
	}
	return 0, fmt.Errorf("there is no interface %q: %w", zone, err)
}

// interfaceByName is if_nametoindex(3) in the socket's network namespace, which the calling thread may
// not be in. The error is ENODEV without such an interface, and EINVAL for what is no name.
func (s *socket) interfaceByName(name string) (ifindex uint32, err error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	err = control(s.raw, func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request) })
	return request.Uint32(), err
}
