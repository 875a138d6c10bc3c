package tun

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"wg-bridge/go/rtnetlink"
)

// A linkQuery asks rtnetlink about interfaces in other network namespaces. One goroutine may use it.
type linkQuery struct {
	client *rtnetlink.Client // nil without rtnetlink: every request fails
}

func newLinkQuery() *linkQuery {
	client, err := rtnetlink.NewClient()
	if err != nil {
		return &linkQuery{}
	}
	return &linkQuery{client: client}
}

func (q *linkQuery) close() error { return q.client.Close() }

// byName finds the interface called name in the network namespace behind the descriptor, which must not be
// this process's own. It needs CAP_NET_ADMIN in both, and Linux 4.16.
func (q *linkQuery) byName(name string, namespace int) (linkMessage, error) {
	id, err := q.namespaceID(namespace)
	if err != nil {
		return linkMessage{}, err
	}
	return q.link(place{namespace: id}, nameAttribute(name))
}

// byNameHere finds the interface called name in the namespace in which the query was made.
func (q *linkQuery) byNameHere(name string) (linkMessage, error) {
	return q.link(place{namespace: ownNamespace}, nameAttribute(name))
}

func nameAttribute(name string) []byte {
	return rtnetlink.AppendAttribute(nil, unix.IFLA_IFNAME, append([]byte(name), 0))
}

// byPlace finds the interface at a place in another namespace. It needs what byName needs.
func (q *linkQuery) byPlace(at place) (linkMessage, error) { return q.link(at, nil) }

// link asks for one interface with RTM_GETLINK.
func (q *linkQuery) link(at place, attributes []byte) (linkMessage, error) {
	payload := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(payload[4:], uint32(at.index)) // struct ifinfomsg
	if at.namespace != ownNamespace {
		payload = rtnetlink.AppendUint32(payload, unix.IFLA_TARGET_NETNSID, uint32(at.namespace))
	}
	answer, err := q.client.Ask(unix.RTM_GETLINK, 0, append(payload, attributes...))
	if err != nil {
		return linkMessage{}, err
	}
	messages := linkMessages(answer, nil)
	// Linux before 4.16 ignores IFLA_TARGET_NETNSID: it answers for an interface of this namespace, without it.
	if len(messages) != 1 || messages[0].deleted || messages[0].mtu == 0 || messages[0].at.namespace != at.namespace {
		return linkMessage{}, rtnetlink.ErrMalformed
	}
	return messages[0], nil
}

// namespaceID returns the id that the network namespace behind a descriptor has here. It assigns one if there is
// none: the kernel reports only from namespaces that have an id.
func (q *linkQuery) namespaceID(namespace int) (int32, error) {
	payload := rtnetlink.AppendUint32(make([]byte, sizeofRtGenmsg), unix.NETNSA_FD, uint32(namespace))
	id, err := q.assignedID(payload)
	if err != nil || id != unix.NETNSA_NSID_NOT_ASSIGNED {
		return id, err
	}
	const anyID = 1<<32 - 1
	assign := rtnetlink.AppendUint32(payload, unix.NETNSA_NSID, anyID)
	if _, err := q.client.Ask(unix.RTM_NEWNSID, unix.NLM_F_ACK, assign); err != nil {
		return 0, err
	}
	return q.assignedID(payload)
}

// sizeofRtGenmsg is the size in bytes of a struct rtgenmsg, with its padding.
const sizeofRtGenmsg = 4

func (q *linkQuery) assignedID(payload []byte) (int32, error) {
	answer, err := q.client.Ask(unix.RTM_GETNSID, 0, payload)
	if err != nil {
		return 0, err
	}
	const end = unix.SizeofNlMsghdr + sizeofRtGenmsg
	if len(answer) < end {
		return 0, rtnetlink.ErrMalformed
	}
	for kind, value := range rtnetlink.Attributes(answer[end:]) {
		if kind == unix.NETNSA_NSID && len(value) == 4 {
			return int32(binary.NativeEndian.Uint32(value)), nil
		}
	}
	return 0, rtnetlink.ErrMalformed
}
