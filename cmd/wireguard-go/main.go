// Command wireguard-go serves a WireGuard interface in userspace. Its command line, environment and
// exit codes are those of upstream's wireguard-go, but without -f it returns 0 only once the
// interface can be configured, and otherwise says why not and returns 1.
package main

import (
	"os"

	"wg-bridge/go/foreground"
	"wg-bridge/go/tunnel"
)

// inForeground, when "1", is upstream's way to say -f by environment.
const inForeground = "WG_PROCESS_FOREGROUND"

func main() {
	os.Exit(foreground.Program{
		Name:  "wireguard-go",
		Usage: "Usage: %s [-f/--foreground] INTERFACE-NAME\n",
		Parse: func(arguments []string) (string, foreground.Serve, bool) {
			name, foregrounded, ok := parse(arguments)
			return name, func(process foreground.Process, level tunnel.Level) error {
				if foregrounded || os.Getenv(inForeground) == "1" {
					return process.Run(name, level)
				}
				return inBackground(process, name, level)
			}, ok
		},
	}.Main(os.Args))
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
