// Package segmentation cuts packets that their sender left whole into the segments that cross the network, and joins
// the segments of a batch again, so that a network stack handles many at once.
package segmentation

import "golang.org/x/sys/unix"

// A Kind is a class of packets that a network stack accepts joined, or refuses to.
type Kind uint8

const (
	TCP4 Kind = iota
	TCP6
	UDP
	Kinds // the number of kinds
)

func (k Kind) String() string {
	return [...]string{TCP4: "TCP over IPv4", TCP6: "TCP over IPv6", UDP: "UDP"}[k]
}

func (k Kind) protocol() uint8 {
	if k == UDP {
		return unix.IPPROTO_UDP
	}
	return unix.IPPROTO_TCP
}

// kind returns the kind of a TCP or UDP flow.
func (f flow) kind() Kind {
	switch {
	case f.protocol == unix.IPPROTO_UDP:
		return UDP
	case f.version == 4:
		return TCP4
	}
	return TCP6
}
