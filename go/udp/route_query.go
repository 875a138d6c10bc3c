package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"wg-bridge/go/rtnetlink"
)

// A routeQuery asks the kernel how it would route a datagram.
type routeQuery struct {
	mu sync.Mutex // one question at a time, as answers come over the same socket; guards fd
	fd int        // -1 once closed

	request, answer []byte
	sequence        uint32
}

// A routeRequest is a datagram in question.
type routeRequest struct {
	destination, source netip.Addr
	mark                uint32
}

func newRouteQuery() (*routeQuery, error) {
	fd, err := rtnetlink.Open(0, 0)
	if err != nil {
		return nil, err
	}
	return &routeQuery{fd: fd, answer: make([]byte, 8192)}, nil
}

// outgoingInterface is the index of the interface that a datagram would leave through. The error is
// the kernel's where there is no route, or no such source address.
func (q *routeQuery) outgoingInterface(request routeRequest) (uint32, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fd < 0 {
		return 0, os.ErrClosed
	}
	scope, err := scopeOf(request.destination)
	if err != nil {
		return 0, err
	}
	q.sequence++
	q.request = encodeRouteRequest(q.request[:0], request, scope, q.sequence)
	if err := unix.Sendto(q.fd, q.request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, os.NewSyscallError("sendto", err)
	}
	for {
		// The kernel answers before sendto returns: there is nothing to wait for.
		n, _, err := unix.Recvfrom(q.fd, q.answer, unix.MSG_DONTWAIT)
		if err != nil {
			return 0, os.NewSyscallError("recvfrom", err)
		}
		ifindex, sequence, err := decodeRouteAnswer(q.answer[:n])
		if sequence == q.sequence {
			return ifindex, err
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

// encodeRouteRequest appends an RTM_GETROUTE message; rtnetlink(7). scope is the interface to leave
// through, or 0.
func encodeRouteRequest(to []byte, request routeRequest, scope, sequence uint32) []byte {
	family, bits := byte(unix.AF_INET6), byte(128)
	if request.destination.Is4() {
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
	copy(header[unix.SizeofNlMsghdr:], []byte{family, bits, bits})

	to = appendRouteAttribute(to, unix.RTA_DST, request.destination.AsSlice())
	to = appendRouteAttribute(to, unix.RTA_SRC, request.source.AsSlice())
	to = appendRouteAttribute(to, unix.RTA_MARK, binary.NativeEndian.AppendUint32(nil, request.mark))
	if scope != 0 {
		to = appendRouteAttribute(to, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, scope))
	}
	binary.NativeEndian.PutUint32(to[start:], uint32(len(to)-start))
	return to
}

// appendRouteAttribute appends a struct rtattr. Values are of 4 or 16 bytes: no padding is needed.
func appendRouteAttribute(to []byte, kind uint16, value []byte) []byte {
	to = binary.NativeEndian.AppendUint16(to, uint16(unix.SizeofRtAttr+len(value)))
	to = binary.NativeEndian.AppendUint16(to, kind)
	return append(to, value...)
}

var errRouteAnswer = errors.New("the kernel's answer makes no sense")

// decodeRouteAnswer reads the answer to an RTM_GETROUTE message: the outgoing interface's index and
// the request's sequence number.
func decodeRouteAnswer(answer []byte) (ifindex, sequence uint32, err error) {
	if len(answer) < unix.SizeofNlMsghdr {
		return 0, 0, errRouteAnswer
	}
	length := binary.NativeEndian.Uint32(answer)
	kind := binary.NativeEndian.Uint16(answer[4:])
	sequence = binary.NativeEndian.Uint32(answer[8:])
	if length < unix.SizeofNlMsghdr || int64(length) > int64(len(answer)) {
		return 0, sequence, errRouteAnswer
	}
	body := answer[unix.SizeofNlMsghdr:length]
	switch {
	case kind == unix.NLMSG_ERROR && len(body) >= 4:
		// struct nlmsgerr begins with the negative error number.
		errno := unix.Errno(-int32(binary.NativeEndian.Uint32(body)))
		return 0, sequence, fmt.Errorf("no route: %w", errno)
	case kind != unix.RTM_NEWROUTE || len(body) < unix.SizeofRtMsg:
		return 0, sequence, errRouteAnswer
	}
	for attributes := body[unix.SizeofRtMsg:]; len(attributes) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(attributes))
		if size < unix.SizeofRtAttr || size > len(attributes) {
			break
		}
		value := attributes[unix.SizeofRtAttr:size]
		if binary.NativeEndian.Uint16(attributes[2:]) == unix.RTA_OIF && len(value) == 4 {
			return binary.NativeEndian.Uint32(value), sequence, nil
		}
		attributes = attributes[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(attributes)):]
	}
	return 0, sequence, errRouteAnswer
}
