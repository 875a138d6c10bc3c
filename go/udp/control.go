package udp

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inflight"
)

// A controlBuffer has room for all control messages (cmsg(3)) that are sent or received with one message here:
// the packet information and the type of service of either family (ip(7), ipv6(7)), a segment size (udp(7)), and a
// timestamp (socket(7)).
type controlBuffer [128]byte

// received is what the kernel reports about a message besides its bytes and sender.
type received struct {
	source      source // its address is not valid if the kernel gave none
	segmentSize int    // of the datagrams that GRO joined into the message; 0 if it is one datagram
	ecn         inflight.ECN
	stamp       int64 // when it arrived, in nanoseconds since 1970; 0 if the kernel did not say
}

// decodeControl decodes the control messages of a received message.
func decodeControl(control []byte) received {
	var r received
	for len(control) >= unix.SizeofCmsghdr {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		control = rest
		switch {
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO &&
			len(data) >= unix.SizeofInet4Pktinfo:
			// struct in_pktinfo: the interface, the address to answer from, the address written to.
			r.source.ifindex = binary.NativeEndian.Uint32(data[0:])
			r.source.address = netip.AddrFrom4([4]byte(data[4:8]))
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO &&
			len(data) >= unix.SizeofInet6Pktinfo:
			// struct in6_pktinfo: the address written to, the interface.
			r.source.address = netip.AddrFrom16([16]byte(data[0:16]))
			r.source.ifindex = binary.NativeEndian.Uint32(data[16:])
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SCM_TIMESTAMPNS:
			r.stamp = decodeTimestamp(data)
		case header.Level == unix.SOL_UDP && header.Type == unix.UDP_GRO && len(data) >= 4:
			r.segmentSize = int(binary.NativeEndian.Uint32(data))
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_TOS && len(data) >= 1:
			r.ecn = inflight.ECN(data[0] & 3)
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_TCLASS && len(data) >= 4:
			r.ecn = inflight.ECN(binary.NativeEndian.Uint32(data) & 3)
		}
	}
	return r
}

// appendSource appends the control message that makes a datagram leave from a source's address.
//
// It names no interface, because that would overrule the routes. The exception is a link-local IPv6 address,
// which means nothing without its interface.
func appendSource(control []byte, from *source) []byte {
	if from.address.Is4() {
		control, data := appendMessage(control, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		ip := from.address.As4()
		copy(data[4:], ip[:])
		return control
	}
	control, data := appendMessage(control, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
	ip := from.address.As16()
	copy(data[0:], ip[:])
	if from.address.IsLinkLocalUnicast() {
		binary.NativeEndian.PutUint32(data[16:], from.ifindex)
	}
	return control
}

// appendECN appends the control message that marks a datagram. to is its destination.
func appendECN(control []byte, to netip.Addr, ecn inflight.ECN) []byte {
	level, kind := unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	if to.Is4() {
		level, kind = unix.IPPROTO_IP, unix.IP_TOS
	}
	control, data := appendMessage(control, level, kind, 4)
	binary.NativeEndian.PutUint32(data, uint32(ecn))
	return control
}

// appendSegmentSize appends the control message that makes the kernel split a message into datagrams of size
// bytes. The last one may be shorter.
func appendSegmentSize(control []byte, size int) []byte {
	control, data := appendMessage(control, unix.SOL_UDP, unix.UDP_SEGMENT, 2)
	binary.NativeEndian.PutUint16(data, uint16(size))
	return control
}

// appendMessage appends a zeroed control message and returns the part that holds its data.
func appendMessage(control []byte, level, kind, size int) (longer, data []byte) {
	start := len(control)
	longer = append(control, make([]byte, unix.CmsgSpace(size))...)
	header := longer[start:]
	// struct cmsghdr: the length, as wide as a C size_t; then two C ints.
	const lengthSize = unix.SizeofCmsghdr - 8
	if lengthSize == 8 {
		binary.NativeEndian.PutUint64(header, uint64(unix.CmsgLen(size)))
	} else {
		binary.NativeEndian.PutUint32(header, uint32(unix.CmsgLen(size)))
	}
	binary.NativeEndian.PutUint32(header[lengthSize:], uint32(level))
	binary.NativeEndian.PutUint32(header[lengthSize+4:], uint32(kind))
	return longer, header[unix.CmsgLen(0):unix.CmsgLen(size)]
}
