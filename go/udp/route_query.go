package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
	"wg-bridge/go/rtnetlink"
)

// A routeQuery asks the kernel how it would route a datagram.
type routeQuery struct {
	mu sync.Mutex // one question at a time, as answers come over the same socket; guards fd
	fd int        // -1 once closed

	request, answer []byte
	sequence        uint32

	failures int       // questions in a row to which there was no answer
	retry    time.Time // when to ask again after these
}

// A routeRequest is a datagram in question.
type routeRequest struct {
	destination      netip.AddrPort
	source           netip.AddrPort // its address may be invalid: the kernel chooses
	throughInterface uint32         // 0: any
	mark             uint32
}

// routing is that on which a socket's routes may depend, beside the addresses.
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

func newRouteQuery() (*routeQuery, error) {
	fd, err := rtnetlink.Open(0, 0)
	if err != nil {
		return nil, err
	}
	return &routeQuery{fd: fd, answer: make([]byte, 8192)}, nil
}

// allows reports whether a source may be used for datagrams from a port to a destination, as kernel
// WireGuard decides it (send4 and send6 in its socket.c).
//
// The address must still be one of this host. An IPv4 route must also leave by the interface that the
// source was learnt on: otherwise the address to send from is the route's to choose. IPv6 keeps the
// address, by whichever interface the route leaves. The error is that the kernel did not answer.
func (q *routeQuery) allows(from *source, to netip.AddrPort, socket routing) (bool, error) {
	request := routeRequest{
		destination: to, source: netip.AddrPortFrom(from.address, socket.port),
		throughInterface: socket.boundTo, mark: socket.mark,
	}
	if !from.address.Is4() {
		// The kernel does not mind a source that is not there when it is asked for an IPv6 route, nor,
		// if ip_nonlocal_bind is set, when it sends. Whether it is there, a route to it says.
		// With a source, the interface is only preferred: the address may be another interface's.
		request.destination = netip.AddrPortFrom(from.address, socket.port)
		if from.address.IsLinkLocalUnicast() {
			request.throughInterface = from.ifindex
		}
	}
	found, err := q.route(request)
	switch {
	case errors.Is(err, errNoRoute):
		return false, nil
	case err != nil:
		return false, err
	case found.local:
		return true, nil
	}
	return from.address.Is4() && found.ifindex == from.ifindex, nil
}

// route is how the kernel would route a datagram. The error wraps errNoRoute and the kernel's where
// there is no route, or no such IPv4 source address. It is errBackingOff for a while after the kernel did not answer:
// every packet that is sent may ask.
func (q *routeQuery) route(request routeRequest) (route, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fd < 0 {
		return route{}, os.ErrClosed
	}
	if q.failures > 0 && time.Now().Before(q.retry) {
		return route{}, errBackingOff
	}
	found, err := q.ask(request)
	if err == nil || errors.Is(err, errNoRoute) {
		q.failures = 0
		return found, err
	}
	q.failures++
	q.retry = time.Now().Add(backoff.After(q.failures))
	return found, err
}

func (q *routeQuery) ask(request routeRequest) (route, error) {
	q.sequence++
	q.request = encodeRouteRequest(q.request[:0], request, q.sequence)
	if err := unix.Sendto(q.fd, q.request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return route{}, os.NewSyscallError("sendto", err)
	}
	for {
		// The kernel answers before sendto returns: there is nothing to wait for.
		n, _, err := unix.Recvfrom(q.fd, q.answer, unix.MSG_DONTWAIT)
		if err != nil {
			return route{}, os.NewSyscallError("recvfrom", err)
		}
		found, sequence, err := decodeRouteAnswer(q.answer[:n])
		if sequence == q.sequence {
			return found, err
		}
	}
}

func (q *routeQuery) close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	fd := q.fd
	q.fd = -1
	return unix.Close(fd)
}

// encodeRouteRequest appends an RTM_GETROUTE message; rtnetlink(7).
func encodeRouteRequest(to []byte, request routeRequest, sequence uint32) []byte {
	family, bits := byte(unix.AF_INET6), byte(128)
	if request.destination.Addr().Is4() {
		family, bits = unix.AF_INET, 32
	}
	start := len(to)
	// struct nlmsghdr; its length comes last.
	to = append(to, make([]byte, unix.SizeofNlMsghdr+unix.SizeofRtMsg)...)
	header := to[start:]
	binary.NativeEndian.PutUint16(header[4:], unix.RTM_GETROUTE)
	binary.NativeEndian.PutUint16(header[6:], unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(header[8:], sequence)
	// struct rtmsg: family, bits of the destination, bits of the source.
	copy(header[unix.SizeofNlMsghdr:], []byte{family, bits})
	if request.source.IsValid() {
		header[unix.SizeofNlMsghdr+2] = bits
	}

	to = appendRouteAttribute(to, unix.RTA_DST, request.destination.Addr().AsSlice())
	if request.source.IsValid() {
		to = appendRouteAttribute(to, unix.RTA_SRC, request.source.Addr().AsSlice())
		// Rules and the choice among several next hops can depend on these. Linux 4.19; older kernels
		// pass over them.
		to = appendRouteAttribute(to, unix.RTA_IP_PROTO, []byte{unix.IPPROTO_UDP})
		to = appendRouteAttribute(to, unix.RTA_SPORT, binary.BigEndian.AppendUint16(nil, request.source.Port()))
		to = appendRouteAttribute(to, unix.RTA_DPORT, binary.BigEndian.AppendUint16(nil, request.destination.Port()))
	}
	to = appendRouteAttribute(to, unix.RTA_MARK, binary.NativeEndian.AppendUint32(nil, request.mark))
	if request.throughInterface != 0 {
		to = appendRouteAttribute(to, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, request.throughInterface))
	}
	binary.NativeEndian.PutUint32(to[start:], uint32(len(to)-start))
	return to
}

// appendRouteAttribute appends a struct rtattr, and pads it so that another can follow.
func appendRouteAttribute(to []byte, kind uint16, value []byte) []byte {
	to = binary.NativeEndian.AppendUint16(to, uint16(unix.SizeofRtAttr+len(value)))
	to = binary.NativeEndian.AppendUint16(to, kind)
	to = append(to, value...)
	for len(to)%unix.NLMSG_ALIGNTO != 0 {
		to = append(to, 0)
	}
	return to
}

var (
	errNoRoute     = errors.New("no route")
	errBackingOff  = errors.New("the kernel has not answered lately")
	errRouteAnswer = errors.New("the kernel's answer makes no sense")
)

// decodeRouteAnswer reads the answer to an RTM_GETROUTE message: the route and the request's sequence
// number.
func decodeRouteAnswer(answer []byte) (found route, sequence uint32, err error) {
	if len(answer) < unix.SizeofNlMsghdr {
		return route{}, 0, errRouteAnswer
	}
	length := binary.NativeEndian.Uint32(answer)
	kind := binary.NativeEndian.Uint16(answer[4:])
	sequence = binary.NativeEndian.Uint32(answer[8:])
	if length < unix.SizeofNlMsghdr || int64(length) > int64(len(answer)) {
		return route{}, sequence, errRouteAnswer
	}
	body := answer[unix.SizeofNlMsghdr:length]
	switch {
	case kind == unix.NLMSG_ERROR && len(body) >= 4:
		// struct nlmsgerr begins with the negative error number.
		errno := unix.Errno(-int32(binary.NativeEndian.Uint32(body)))
		return route{}, sequence, fmt.Errorf("%w: %w", errNoRoute, errno)
	case kind != unix.RTM_NEWROUTE || len(body) < unix.SizeofRtMsg:
		return route{}, sequence, errRouteAnswer
	}
	const kindOffset = 7 // of struct rtmsg
	found.local = body[kindOffset] == unix.RTN_LOCAL
	for attributes := body[unix.SizeofRtMsg:]; len(attributes) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(attributes))
		if size < unix.SizeofRtAttr || size > len(attributes) {
			break
		}
		value := attributes[unix.SizeofRtAttr:size]
		if binary.NativeEndian.Uint16(attributes[2:]) == unix.RTA_OIF && len(value) == 4 {
			found.ifindex = binary.NativeEndian.Uint32(value)
			return found, sequence, nil
		}
		attributes = attributes[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(attributes)):]
	}
	return route{}, sequence, errRouteAnswer
}
