package tun

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"wg-bridge/go/rtnetlink"
)

var errMalformedAnswer = errors.New("the kernel's answer to a question about a link makes no sense")

// A linkQuery asks rtnetlink about interfaces in other network namespaces. One goroutine may use it.
type linkQuery struct {
	fd       int // -1 without rtnetlink
	sequence uint32
	answer   []byte
}

func newLinkQuery() *linkQuery {
	fd, err := rtnetlink.Open(0, 0)
	if err != nil {
		fd = -1 // Every question fails.
	}
	return &linkQuery{fd: fd, answer: make([]byte, 1<<13)}
}

func (q *linkQuery) close() error {
	if q.fd < 0 {
		return nil
	}
	return unix.Close(q.fd)
}

// byName finds the interface called name in the network namespace behind the descriptor, which must be
// another than this process's. It needs CAP_NET_ADMIN in both, and Linux 4.16.
func (q *linkQuery) byName(name string, namespace int) (linkMessage, error) {
	id, err := q.namespaceID(namespace)
	if err != nil {
		return linkMessage{}, err
	}
	return q.link(place{namespace: id}, appendAttribute(nil, unix.IFLA_IFNAME, append([]byte(name), 0)))
}

// byPlace finds the interface at a place in another namespace. It needs what byName needs.
func (q *linkQuery) byPlace(at place) (linkMessage, error) { return q.link(at, nil) }

// link asks for one interface by RTM_GETLINK; rtnetlink(7).
func (q *linkQuery) link(at place, attributes []byte) (linkMessage, error) {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], uint32(at.index)) // struct ifinfomsg
	body = appendAttribute(body, unix.IFLA_TARGET_NETNSID, binary.NativeEndian.AppendUint32(nil, uint32(at.namespace)))
	answer, err := q.ask(unix.RTM_GETLINK, 0, append(body, attributes...))
	if err != nil {
		return linkMessage{}, err
	}
	messages := linkMessages(answer, nil)
	// Linux before 4.16 does not know the attribute, and answers of this namespace's interface, without it.
	if len(messages) != 1 || messages[0].deleted || messages[0].mtu == 0 || messages[0].at.namespace != at.namespace {
		return linkMessage{}, errMalformedAnswer
	}
	return messages[0], nil
}

// namespaceID is the id that the network namespace behind a descriptor has here. It gets one if it has
// none: the kernel reports only from namespaces that have one.
func (q *linkQuery) namespaceID(namespace int) (int32, error) {
	of := appendAttribute(make([]byte, 4), unix.NETNSA_FD, binary.NativeEndian.AppendUint32(nil, uint32(namespace)))
	id, err := q.assignedID(of)
	if err != nil || id != unix.NETNSA_NSID_NOT_ASSIGNED {
		return id, err
	}
	anyID := binary.NativeEndian.AppendUint32(nil, 1<<32-1)
	if _, err := q.ask(unix.RTM_NEWNSID, unix.NLM_F_ACK, appendAttribute(of, unix.NETNSA_NSID, anyID)); err != nil {
		return 0, err
	}
	return q.assignedID(of)
}

func (q *linkQuery) assignedID(of []byte) (int32, error) {
	answer, err := q.ask(unix.RTM_GETNSID, 0, of)
	if err != nil {
		return 0, err
	}
	parsed, err := syscall.ParseNetlinkMessage(answer)
	if err != nil || len(parsed) != 1 || len(parsed[0].Data) < 4 {
		return 0, errMalformedAnswer
	}
	// struct rtgenmsg, and then attributes as the other messages have.
	for rest := parsed[0].Data[4:]; len(rest) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < unix.SizeofRtAttr || size > len(rest) {
			break
		}
		if binary.NativeEndian.Uint16(rest[2:]) == unix.NETNSA_NSID && size == unix.SizeofRtAttr+4 {
			return int32(binary.NativeEndian.Uint32(rest[unix.SizeofRtAttr:])), nil
		}
		rest = rest[min(aligned(size), len(rest)):]
	}
	return 0, errMalformedAnswer
}

// ask sends one request and returns the datagram that answers it. An answer that only says how it went
// is empty.
func (q *linkQuery) ask(kind, flags uint16, body []byte) ([]byte, error) {
	if q.fd < 0 {
		return nil, os.ErrClosed
	}
	q.sequence++
	request := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+len(body))
	binary.NativeEndian.PutUint32(request, uint32(unix.SizeofNlMsghdr+len(body)))
	binary.NativeEndian.PutUint16(request[4:], kind)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(request[8:], q.sequence)
	if err := unix.Sendto(q.fd, append(request, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, os.NewSyscallError("sendto", err)
	}
	for {
		// The kernel answers before sendto returns: there is nothing to wait for.
		n, _, err := unix.Recvfrom(q.fd, q.answer, unix.MSG_DONTWAIT)
		if err != nil {
			return nil, os.NewSyscallError("recvfrom", err)
		}
		if n < unix.SizeofNlMsghdr || binary.NativeEndian.Uint32(q.answer[8:]) != q.sequence {
			continue // of an earlier question
		}
		answer := q.answer[:n]
		if binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
			return answer, nil
		}
		if n < unix.SizeofNlMsghdr+4 {
			return nil, errMalformedAnswer
		}
		// struct nlmsgerr begins with the negative error number.
		if number := -int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); number != 0 {
			return nil, unix.Errno(number)
		}
		return nil, nil
	}
}

func aligned(size int) int { return (size + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

// appendAttribute appends a struct rtattr.
func appendAttribute(to []byte, kind uint16, value []byte) []byte {
	size := unix.SizeofRtAttr + len(value)
	to = binary.NativeEndian.AppendUint16(to, uint16(size))
	to = binary.NativeEndian.AppendUint16(to, kind)
	to = append(to, value...)
	return append(to, make([]byte, aligned(size)-size)...)
}
