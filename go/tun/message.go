package tun

import (
	"encoding/binary"
	"math"
	"syscall"

	"golang.org/x/sys/unix"

	"wg-bridge/go/rtnetlink"
)

// ownNamespace stands for the namespace in which the netlink socket was opened. Other namespaces have the ids
// of NETLINK_LISTEN_ALL_NSID, which are not negative.
const ownNamespace = -1

// A place is where an interface lives. Interface indexes are unique only within a namespace.
type place struct {
	namespace int32
	index     int32
}

// A linkMessage is what an RTM_NEWLINK or RTM_DELLINK message says about an interface. Source:
// rtnetlink(7) and linux/if_link.h.
type linkMessage struct {
	at       place
	deleted  bool
	wentDown bool   // the link was set down; it may be up again
	mtu      int    // bytes; 0 if the message does not say
	movedTo  *place // where a deleted link lives on in another namespace
}

// linkMessages decodes the link messages of one netlink datagram, which came with the given control messages.
// Others, and truncated ones, are ignored.
func linkMessages(datagram, control []byte) []linkMessage {
	parsed, err := syscall.ParseNetlinkMessage(datagram)
	if err != nil {
		return nil
	}
	namespace := namespaceOf(control)
	var messages []linkMessage
	for _, m := range parsed {
		if m.Header.Type != unix.RTM_NEWLINK && m.Header.Type != unix.RTM_DELLINK || len(m.Data) < unix.SizeofIfInfomsg {
			continue
		}
		// struct ifinfomsg holds the index after family, padding and type, then the flags and which of them changed.
		index := int32(binary.NativeEndian.Uint32(m.Data[4:8]))
		flags := binary.NativeEndian.Uint32(m.Data[8:12])
		changed := binary.NativeEndian.Uint32(m.Data[12:16])
		message := linkMessage{
			at:      place{namespace, index},
			deleted: m.Header.Type == unix.RTM_DELLINK,
			// A link that appears, or moves, reports every flag as changed.
			wentDown: changed != math.MaxUint32 && changed&unix.IFF_UP != 0 && flags&unix.IFF_UP == 0,
		}
		moved := place{ownNamespace, index}
		for kind, encoded := range rtnetlink.Attributes(m.Data[unix.SizeofIfInfomsg:]) {
			if len(encoded) < 4 {
				continue
			}
			value := binary.NativeEndian.Uint32(encoded)
			switch kind {
			case unix.IFLA_MTU:
				message.mtu = int(value)
			case unix.IFLA_TARGET_NETNSID: // only in answers
				message.at.namespace = int32(value)
			case unix.IFLA_NEW_NETNSID:
				moved.namespace = int32(value)
				message.movedTo = &moved
			case unix.IFLA_NEW_IFINDEX:
				moved.index = int32(value)
			}
		}
		messages = append(messages, message)
	}
	return messages
}

func namespaceOf(control []byte) int32 {
	parsed, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return ownNamespace
	}
	for _, m := range parsed {
		if m.Header.Level == unix.SOL_NETLINK && m.Header.Type == unix.NETLINK_LISTEN_ALL_NSID && len(m.Data) >= 4 {
			return int32(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return ownNamespace
}
