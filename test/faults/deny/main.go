// Command deny runs a command for which a seccomp(2) filter fails one system call:
//
//	deny NUMBER[:FIRST] ERRNO COMMAND [ARGUMENT...]
//
// NUMBER is the kernel's number of the call, ERRNO the error. With FIRST, the call fails only if that is its first
// argument. The filter applies to all that the command starts.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"wg-bridge/test/seccomp"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "deny:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 3 {
		return fmt.Errorf("usage: deny NUMBER[:FIRST] ERRNO COMMAND [ARGUMENT...]")
	}
	call, first, isConditional := strings.Cut(arguments[0], ":")
	number, err := strconv.ParseUint(call, 10, 32)
	if err != nil {
		return err
	}
	var conditions []seccomp.Condition
	if isConditional {
		value, err := strconv.ParseUint(first, 10, 32)
		if err != nil {
			return err
		}
		conditions = append(conditions, seccomp.Equals(0, uint32(value)))
	}
	errno, err := strconv.ParseUint(arguments[1], 10, 12)
	if err != nil {
		return err
	}
	denial := seccomp.Deny(uint32(number), unix.Errno(errno), conditions...)
	return seccomp.Exec([]seccomp.Denial{denial}, arguments[2:])
}
