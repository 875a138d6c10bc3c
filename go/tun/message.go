package tun

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownNamespace stands for the namespace that the netlink socket was opened in; other namespaces
// have the ids of NETLINK_LISTEN_ALL_NSID, which are 0 or more.
const ownNamespace = -1

// A place is where an interface lives: interface indexes are unique in one namespace only.
type place struct {
	namespace int32
	index     int32
}

// A linkMessage is what one RTM_NEWLINK or RTM_DELLINK message says of one interface. Source:
// rtnetlink(7) and linux/if_link.h.
type linkMessage struct {
	at      place
	deleted bool
	mtu     int    // bytes; 0 where the message does not say
	movedTo *place // where a deleted link lives on in another namespace
}

// linkMessages decodes one netlink datagram that came with the given control messages. What is no
// link message, or is cut short, is left out.
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
		attributes, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			continue
		}
		// struct ifinfomsg holds the index after family, padding and type.
		index := int32(binary.NativeEndian.Uint32(m.Data[4:8]))
		message := linkMessage{at: place{namespace, index}, deleted: m.Header.Type == unix.RTM_DELLINK}
		moved := place{ownNamespace, index}
		for _, a := range attributes {
			if len(a.Value) < 4 {
				continue
			}
			value := binary.NativeEndian.Uint32(a.Value)
			switch a.Attr.Type {
			case unix.IFLA_MTU:
				message.mtu = int(value)
			case unix.IFLA_TARGET_NETNSID: // in answers alone
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
