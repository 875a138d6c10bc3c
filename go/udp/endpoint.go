package udp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"

	"wg-bridge/go/pollable"
)

var _ conn.Endpoint = (*Endpoint)(nil)

// An Endpoint is a peer's address, and the local address to send to it from.
//
// The engine clears the source while other goroutines send, so a source is never changed in place.
type Endpoint struct {
	destination netip.AddrPort
	ifindex     uint32                 // the zone of an address that the kernel reported; otherwise 0
	source      atomic.Pointer[source] // nil: not learnt yet, or cleared
	verdict     atomic.Uint64          // the latest verdict on the source
}

// A source is the local address to which a peer sent a packet, and the interface on which it arrived.
type source struct {
	address netip.Addr
	ifindex uint32
}

func newEndpoint(destination netip.AddrPort) *Endpoint {
	return &Endpoint{destination: netip.AddrPortFrom(destination.Addr().Unmap(), destination.Port())}
}

// ClearSrc forgets the source address: the routing table chooses the next packet's.
func (e *Endpoint) ClearSrc() { e.source.Store(nil) }

// SrcIP returns the local address to which the peer sent, or the zero address if none was learnt. Answers
// are sent from it as long as the routes allow that.
func (e *Endpoint) SrcIP() netip.Addr {
	if source := e.source.Load(); source != nil {
		return source.address
	}
	return netip.Addr{}
}

// SrcToString returns SrcIP as text, "invalid IP" if none was learnt.
func (e *Endpoint) SrcToString() string { return e.SrcIP().String() }

// DstIP returns the peer's address.
func (e *Endpoint) DstIP() netip.Addr { return e.destination.Addr() }

// DstToString returns the peer's address and port in the form that ParseEndpoint accepts.
func (e *Endpoint) DstToString() string { return e.destination.String() }

// DstToBytes returns the peer's address and port in the binary form over which cookies are computed.
func (e *Endpoint) DstToBytes() []byte {
	// AddrPort.MarshalBinary never fails: the error only satisfies encoding.BinaryMarshaler.
	bytes, _ := e.destination.MarshalBinary()
	return bytes
}

// maxEndpoints bounds how many peers can send in turn before datagrams need a new endpoint each, which costs an
// allocation, and a route query once one is answered. So many endpoints take about a MiB.
const maxEndpoints = 8192

// An endpointCache holds the endpoints of recent datagrams. One goroutine may use it.
//
// It never changes an endpoint in use but replaces it: a datagram from a new source is not authenticated yet.
type endpointCache map[sockaddr]*Endpoint

// endpoint returns the cached endpoint of a sender, whose address has length bytes, if its source is still the
// same, and otherwise a new one. An attacker who sends from many addresses makes the cache start over again and
// again, which costs allocations, but no memory.
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
	learnt := from // a variable of its own: taking the address of from would allocate on every call
	e.source.Store(&learnt)
	if len(c) >= maxEndpoints {
		clear(c)
	}
	c[*sender] = e
	return e
}

// scope returns the interface index of the destination's zone in the socket's namespace, or 0 without a zone. It
// fails if there is no such interface.
//
// A zone that a person gave is a name or an index. Like getaddrinfo(3), scope tries it as a name first,
// because an interface may be called 100. It looks the name up each time: an interface that is made again has
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

// interfaceByName is if_nametoindex(3) in the socket's network namespace, which may not be the calling thread's.
// The error is ENODEV if there is no such interface, and EINVAL if the name is not valid.
func (s *socket) interfaceByName(name string) (ifindex uint32, err error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	err = pollable.Control(s.raw, func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request) })
	return request.Uint32(), err
}
