package tun

import "golang.org/x/sys/unix"

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
