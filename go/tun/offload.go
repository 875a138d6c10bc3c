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

// enableOffloads turns offloads on, and returns which of those that were wanted the kernel has.
func enableOffloads(fd int, wanted Offloads) (Offloads, error) {
	flags := unix.TUN_F_CSUM
	if wanted.TSO4 {
		flags |= unix.TUN_F_TSO4 | unix.TUN_F_TSO_ECN
	}
	if wanted.TSO6 {
		flags |= unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN
	}
	if wanted.USO {
		if unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, flags|unix.TUN_F_USO4|unix.TUN_F_USO6) == nil {
			return wanted, nil
		}
		wanted.USO = false // before Linux 6.2
	}
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, flags); err != nil {
		return Offloads{}, fmt.Errorf("choosing the offloads of the TUN device: %w", err)
	}
	return wanted, nil
}
