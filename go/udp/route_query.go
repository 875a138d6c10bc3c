package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
	"wg-bridge/go/rtnetlink"
)

var (
	errNoRoute    = errors.New("no route")
	errBackingOff = errors.New("the kernel has recently not answered")
	errMute       = errors.New("the kernel does not answer this process")
)

// A routeQuery asks the kernel how it would route a datagram.
type routeQuery struct {
	logf    func(format string, arguments ...any)
	mu      sync.Mutex // guards all other fields
	client  *rtnetlink.Client
	mute    bool   // the kernel never answers this process: rtnetlink.IsUnavailable
	payload []byte // of the latest request

	failures int       // requests in a row without an answer
	retry    time.Time // no request is sent before this time
}

// A routeRequest describes the datagram to route.
type routeRequest struct {
	destination netip.AddrPort
	source      netip.AddrPort // its address may be invalid: the kernel chooses
	ifindex     uint32         // the interface it must leave by; 0: any
	mark        uint32
}

// routing is what a socket's routes may depend on, besides addresses.
type routing struct {
	port    uint16
	mark    uint32
	boundTo uint32 // an interface's index, or 0
}

// A route is how the kernel would route a datagram.
type route struct {
	ifindex uint32
	local   bool // to an address of this host
}

func newRouteQuery(logf func(format string, arguments ...any)) (*routeQuery, error) {
	client, err := rtnetlink.NewClient()
	q := &routeQuery{client: client, logf: logf}
	if err != nil && !q.silence(err) {
		return nil, err
	}
	return q, nil
}

// muteRouteQuery returns a routeQuery that never asks.
func muteRouteQuery(logf func(format string, arguments ...any)) *routeQuery {
	return &routeQuery{logf: logf, mute: true}
}

// silence reports whether an error means that the kernel never answers this process. It is then not asked again.
func (q *routeQuery) silence(err error) bool {
	if rtnetlink.IsUnavailable(err) && !q.mute {
		q.mute = true
		q.logf("UDP bind: sources are not checked, because the kernel answers no questions about routes here: %v", err)
	}
	return q.mute
}

// allows reports whether datagrams from a port to a destination may use a source address, by the rules of kernel
// WireGuard (send4 and send6 in its socket.c).
//
// The address must still be one of this host. An IPv4 route must also leave by the interface on which the
// source was learnt: otherwise the route is to choose the address. IPv6 keeps the address, whichever interface
// the route leaves by. If the kernel never answers this process, the address may be used until the kernel refuses it
// on sending. The error says that the kernel did not answer.
func (q *routeQuery) allows(from *source, to netip.AddrPort, socket routing) (bool, error) {
	request := routeRequest{
		destination: to, source: netip.AddrPortFrom(from.address, socket.port),
		ifindex: socket.boundTo, mark: socket.mark,
	}
	if !from.address.Is4() {
		// Asked for an IPv6 route, the kernel accepts a source that is not there, as it does on sending if
		// ip_nonlocal_bind is set. A route to the source itself shows whether it is there.
		// With a source, the interface is only a preference: another interface may have the address.
		request.destination = netip.AddrPortFrom(from.address, socket.port)
		if from.address.IsLinkLocalUnicast() {
			request.ifindex = from.ifindex
		}
	}
	found, err := q.route(request)
	switch {
	case errors.Is(err, errMute):
		return true, nil
	case errors.Is(err, errNoRoute):
		return false, nil
	case err != nil:
		return false, err
	case found.local:
		return true, nil
	}
	return from.address.Is4() && found.ifindex == from.ifindex, nil
}

// route returns how the kernel would route a datagram. The error wraps errNoRoute and the kernel's errno if
// there is no route, or no such IPv4 source address. After a request without an answer it is errBackingOff for a
// while, since every packet that is sent may ask, and errMute once it is known that there never is one.
func (q *routeQuery) route(request routeRequest) (route, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mute {
		return route{}, errMute
	}
	if q.failures > 0 && time.Now().Before(q.retry) {
		return route{}, errBackingOff
	}
	q.payload = appendRouteRequest(q.payload[:0], request)
	message, err := q.client.Ask(unix.RTM_GETROUTE, 0, q.payload)
	if q.silence(err) {
		return route{}, errMute
	}
	var errno rtnetlink.Errno
	if errors.As(err, &errno) {
		q.failures = 0
		return route{}, fmt.Errorf("%w: %w", errNoRoute, errno)
	}
	var found route
	if err == nil {
		found, err = decodeRoute(message)
	}
	if err == nil {
		q.failures = 0
		return found, nil
	}
	q.failures++
	q.retry = time.Now().Add(backoff.After(q.failures))
	return route{}, err
}

func (q *routeQuery) close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.client.Close()
}

// appendRouteRequest appends the payload of an RTM_GETROUTE message.
func appendRouteRequest(to []byte, request routeRequest) []byte {
	family, bits := byte(unix.AF_INET6), byte(128)
	if request.destination.Addr().Is4() {
		family, bits = unix.AF_INET, 32
	}
	header := [unix.SizeofRtMsg]byte{family, bits} // struct rtmsg: family, bits of the destination, bits of the source
	if request.source.IsValid() {
		header[2] = bits
	}
	to = append(to, header[:]...)
	to = rtnetlink.AppendAttribute(to, unix.RTA_DST, request.destination.Addr().AsSlice())
	if request.source.IsValid() {
		to = rtnetlink.AppendAttribute(to, unix.RTA_SRC, request.source.Addr().AsSlice())
		// Rules, and the choice among several next hops, can depend on protocol and ports. Kernels before
		// 4.19 ignore them.
		to = rtnetlink.AppendAttribute(to, unix.RTA_IP_PROTO, []byte{unix.IPPROTO_UDP})
		to = rtnetlink.AppendAttribute(to, unix.RTA_SPORT, binary.BigEndian.AppendUint16(nil, request.source.Port()))
		to = rtnetlink.AppendAttribute(to, unix.RTA_DPORT, binary.BigEndian.AppendUint16(nil, request.destination.Port()))
	}
	to = rtnetlink.AppendUint32(to, unix.RTA_MARK, request.mark)
	if request.ifindex != 0 {
		to = rtnetlink.AppendUint32(to, unix.RTA_OIF, request.ifindex)
	}
	return to
}

// decodeRoute decodes the answer to an RTM_GETROUTE message.
func decodeRoute(message []byte) (route, error) {
	const end = unix.SizeofNlMsghdr + unix.SizeofRtMsg
	if len(message) < end || binary.NativeEndian.Uint16(message[4:]) != unix.RTM_NEWROUTE {
		return route{}, rtnetlink.ErrMalformed
	}
	const kindOffset = unix.SizeofNlMsghdr + 7 // rtm_type of struct rtmsg
	for kind, value := range rtnetlink.Attributes(message[end:]) {
		if kind == unix.RTA_OIF && len(value) == 4 {
			return route{binary.NativeEndian.Uint32(value), message[kindOffset] == unix.RTN_LOCAL}, nil
		}
	}
	return route{}, rtnetlink.ErrMalformed
}
