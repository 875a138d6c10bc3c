// Command deny runs a command for which a seccomp(2) filter fails one system call:
//
//	deny NUMBER ERRNO COMMAND [ARGUMENT...]
//
// NUMBER is the kernel's number of the call, ERRNO the error. The filter applies to all that the command starts.
package main

import (
	"fmt"
	"os"
	"strconv"

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
		return fmt.Errorf("usage: deny NUMBER ERRNO COMMAND [ARGUMENT...]")
	}
	number, err := strconv.ParseUint(arguments[0], 10, 32)
	if err != nil {
		return err
	}
	errno, err := strconv.ParseUint(arguments[1], 10, 12)
	if err != nil {
		return err
	}
	denial := seccomp.Deny(uint32(number), unix.Errno(errno))
	return seccomp.Exec([]seccomp.Denial{denial}, arguments[2:])
}
