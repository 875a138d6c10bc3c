package tun

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// maxNameLength is the maximum length of an interface name in bytes: IFNAMSIZ without the final NUL.
const maxNameLength = unix.IFNAMSIZ - 1

// CheckName reports why name is not a valid interface name, or nil. The rules are the kernel's (dev_valid_name in
// net/core/dev.c): 1 to 15 bytes, not "." or "..", no '/', ':', white space or NUL. In a name with "%d" the kernel
// fills in a number. The error wraps EINVAL.
func CheckName(name string) error {
	refuse := func(why string) error {
		return fmt.Errorf("interface name %q %s: give 1 to %d bytes without '/', ':' and white space, such as wg0: %w",
			name, why, maxNameLength, unix.EINVAL)
	}
	switch {
	case name == "":
		return refuse("is empty")
	case len(name) > maxNameLength:
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
