// Command wireguard-go-userspace serves a WireGuard network that needs no interface and no privileges, in the foreground.
// It is a program of its own so that wireguard-go, which has no use for a TCP/IP stack, stays small and starts fast.
// docs/station.md describes its environment and its socket.
package main

import (
	"os"

	"wg-bridge/go/foreground"
	"wg-bridge/go/userspace"
)

func main() {
	os.Exit(foreground.Program{
		Name:  "wireguard-go-userspace",
		Usage: "Usage: %s\nThe environment names the socket that it serves: see docs/station.md of wg-bridge.\n",
		Parse: func(arguments []string) (string, foreground.Serve, bool) {
			return userspace.Name, userspace.Run, len(arguments) == 0
		},
	}.Main(os.Args))
}
