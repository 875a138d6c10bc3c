package foreground

import (
	"runtime/debug"

	"wg-bridge/go/tunnel"
)

// ParseLevel reads a log level as upstream does: verbose or debug, error, silent; otherwise error.
func ParseLevel(value string) tunnel.Level {
	switch value {
	case "verbose", "debug":
		return tunnel.Verbose
	case "silent":
		return tunnel.Silent
	}
	return tunnel.Error
}

// EngineVersion returns the version of the engine's module that was built in.
func EngineVersion() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if module.Path == "golang.zx2c4.com/wireguard" {
				return module.Version
			}
		}
	}
	return "unknown"
}
