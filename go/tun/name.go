package tun

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// MaxNameLength is the longest interface name in bytes: IFNAMSIZ less the final NUL.
const MaxNameLength = unix.IFNAMSIZ - 1

// CheckName reports why name cannot name a network interface, or nil. The rules are the kernel's
// (dev_valid_name in net/core/dev.c): 1 to 15 bytes, not "." or "..", no '/', ':', white space or
// NUL. A name with "%d" lets the kernel choose the number. The error wraps EINVAL.
func CheckName(name string) error {
	refuse := func(why string) error {
		return fmt.Errorf("interface name %q %s: give 1 to %d bytes without '/', ':' and white space, such as wg0: %w",
			name, why, MaxNameLength, unix.EINVAL)
	}
	switch {
	case name == "":
		return refuse("is empty")
	case len(name) > MaxNameLength:
		return refuse(fmt.Sprintf("is %d bytes long", len(name)))
	case name == "." || name == "..":
		return refuse("means a directory")
	case strings.ContainsAny(name, "/:\x00"):
		return refuse("holds '/', ':' or NUL")
	case strings.ContainsFunc(name, unicode.IsSpace):
		return refuse("holds white space")
	}
	return nil
}
