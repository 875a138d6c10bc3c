package tun

import (
	"fmt"

	"golang.org/x/sys/unix"

	"wg-bridge/go/segmentation"
)

// Offloads selects the packets that may cross between kernel and engine before they are segmented, in either
// direction. Without any, each packet crosses alone.
type Offloads struct {
	TSO4, TSO6 bool // TCP over IPv4, over IPv6
	USO        bool // UDP over either; Linux 6.2
}

// AllOffloads selects every offload that the kernel supports.
var AllOffloads = Offloads{TSO4: true, TSO6: true, USO: true}

// flags returns the TUN_F_ flags of the offloads.
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

// enableOffloads turns the wanted offloads on. It returns those that the kernel supports, and the flags that are now
// set. Packets can cross without any offload, so an error only deserves a log line.
func enableOffloads(fd int, wanted Offloads) (enabled Offloads, flags int, err error) {
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

// kinds returns the kinds of packets that the offloads allow to be joined.
func (o Offloads) kinds() [segmentation.Kinds]bool {
	return [...]bool{segmentation.TCP4: o.TSO4, segmentation.TCP6: o.TSO6, segmentation.UDP: o.USO}
}
