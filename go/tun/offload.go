package tun

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Offloads are what the kernel may leave to this side: packets that are not yet cut into segments, in
// either direction. With none of them each packet crosses alone.
type Offloads struct {
	TSO4, TSO6 bool // TCP over IPv4, over IPv6
	USO        bool // UDP over either; Linux 6.2
}

// AllOffloads are those that New tries for.
var AllOffloads = Offloads{TSO4: true, TSO6: true, USO: true}

// flags are the TUN_F_ flags of the offloads.
func (o Offloads) flags() int {
	flags := unix.TUN_F_CSUM
	if o.TSO4 {
		flags |= unix.TUN_F_TSO4 | unix.TUN_F_TSO_ECN
	}
	if o.TSO6 {
		flags |= unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN
	}
	if o.USO {
		flags |= unix.TUN_F_USO4 | unix.TUN_F_USO6
	}
	return flags
}

// enableOffloads turns offloads on, and returns which of those that were wanted the kernel has, and the
// flags that are set now. Packets can cross without any, so that an error is no more than worth a line.
func enableOffloads(fd int, wanted Offloads) (has Offloads, flags int, err error) {
	if wanted.USO {
		if unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, wanted.flags()) == nil {
			return wanted, wanted.flags(), nil
		}
		wanted.USO = false // before Linux 6.2
	}
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, wanted.flags()); err != nil {
		return Offloads{}, 0, fmt.Errorf("choosing the offloads of the TUN device: %w", err)
	}
	return wanted, wanted.flags(), nil
}

// A kind is what the kernel can take joined, or refuse so.
type kind uint8

const (
	tcp4 kind = iota
	tcp6
	udp
	kinds // how many there are
)

func (k kind) String() string {
	return [...]string{tcp4: "TCP over IPv4", tcp6: "TCP over IPv6", udp: "UDP"}[k]
}

// kind is that of a flow of TCP or UDP.
func (f flow) kind() kind {
	switch {
	case f.protocol == unix.IPPROTO_UDP:
		return udp
	case f.version == 4:
		return tcp4
	}
	return tcp6
}

// kinds are what the offloads allow to join.
func (o Offloads) kinds() [kinds]bool { return [...]bool{tcp4: o.TSO4, tcp6: o.TSO6, udp: o.USO} }
