// Command wireguard-go serves a WireGuard interface in userspace, or with --userspace a network that needs no
// interface and no privileges. Its command line, environment and
// exit codes are those of upstream's wireguard-go, but without -f it returns 0 only once the
// interface can be configured, and otherwise says why not and returns 1.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"wg-bridge/go/descriptors"
	"wg-bridge/go/foreground"
	"wg-bridge/go/status"
	"wg-bridge/go/tunnel"
)

const (
	exitSuccess = 0
	exitFailure = 1
)

// runtimeDescriptors are what Go's runtime opens for its poller, and the first file that needs it. If it cannot, it
// ends the process with a trace.
const runtimeDescriptors = 3

// inForeground, when "1", is upstream's way to say -f by environment.
const inForeground = "WG_PROCESS_FOREGROUND"

func main() { os.Exit(run(os.Args)) }

func run(arguments []string) int {
	if len(arguments) == 2 && arguments[1] == "--version" {
		fmt.Printf("wireguard-go %s\n\nUserspace WireGuard daemon for %s-%s, of wg-bridge.\n", foreground.EngineVersion(), runtime.GOOS, runtime.GOARCH)
		return exitSuccess
	}
	asked, ok := parse(arguments[1:], os.Getenv(foreground.Network))
	if !ok {
		fmt.Printf("Usage: %[1]s [-f/--foreground] INTERFACE-NAME\n       %[1]s --userspace\n", arguments[0])
		return exitSuccess
	}
	name := asked.name

	process := foreground.Process{Getenv: os.Getenv, Output: foreground.NewPatientWriter(os.Stdout)}
	if err := descriptors.Require(runtimeDescriptors); err != nil {
		if !process.WriteWithoutPoller(status.Failed(err)) {
			tunnel.NewLog(process.Output, tunnel.Error, name).Errorf("%v", err)
		}
		return exitFailure
	}
	// The reader of the log may go away; the tunnel stays.
	signal.Ignore(unix.SIGPIPE)
	level := foreground.ParseLevel(os.Getenv(foreground.LogLevel))
	var err error
	switch {
	case asked.userspace:
		err = process.RunUserspace(level)
	case asked.foregrounded || os.Getenv(inForeground) == "1":
		err = process.Run(name, level)
	default:
		err = inBackground(process, name, level)
	}
	if err != nil {
		return exitFailure
	}
	return exitSuccess
}

// An order is what the command line and the environment ask for.
type order struct {
	name         string // of the interface
	foregrounded bool
	userspace    bool // a network in this process, always in the foreground
}

// parse reads "[-f|--foreground] INTERFACE", or "--userspace". The latter is not needed if network says the same.
func parse(arguments []string, network string) (asked order, ok bool) {
	asked = order{name: tunnel.UserspaceName, userspace: network == foreground.UserspaceNetwork}
	for len(arguments) > 0 {
		switch arguments[0] {
		case "-f", "--foreground":
			if asked.foregrounded {
				return order{}, false
			}
			asked.foregrounded = true
		case "--userspace":
			asked.userspace = true
		default:
			asked.name = arguments[0]
			return asked, len(arguments) == 1 && !asked.userspace
		}
		arguments = arguments[1:]
	}
	return asked, asked.userspace
}
