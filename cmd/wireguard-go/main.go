// Command wireguard-go serves a WireGuard interface in userspace. Its command line, environment and
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
	name, foregrounded, ok := parse(arguments[1:])
	if !ok {
		fmt.Printf("Usage: %s [-f/--foreground] INTERFACE-NAME\n", arguments[0])
		return exitSuccess
	}

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
	if foregrounded || os.Getenv(inForeground) == "1" {
		err = process.Run(name, level)
	} else {
		err = inBackground(process, name, level)
	}
	if err != nil {
		return exitFailure
	}
	return exitSuccess
}

// parse reads "[-f|--foreground] INTERFACE".
func parse(arguments []string) (name string, foregrounded, ok bool) {
	if len(arguments) == 0 {
		return "", false, false
	}
	if arguments[0] == "-f" || arguments[0] == "--foreground" {
		foregrounded, arguments = true, arguments[1:]
	}
	if len(arguments) != 1 {
		return "", false, false
	}
	return arguments[0], foregrounded, true
}
