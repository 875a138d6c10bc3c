package userspace

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"wg-bridge/go/foreground"
	"wg-bridge/go/status"
	"wg-bridge/go/tunnel"
)

// Environment variables beside those of package foreground.
const (
	StationPath = "WG_STATION_PATH" // of the socket that offers the network
	MTU         = "WG_MTU"          // of the network, in bytes; empty for the default
)

// Run starts a tunnel with what the environment says, and serves it as foreground.Process.Run does. Whoever holds the
// lifeline is the station's only client.
func Run(process foreground.Process, level tunnel.Level) error {
	return process.Serve(Name, level, func(isOwned bool) (foreground.Started, error) {
		log := tunnel.NewLog(process.Output, level, Name)
		log.Verbosef("Starting wireguard-go-userspace version %s", foreground.EngineVersion())
		started := foreground.Started{Log: log}
		features, err := process.Features()
		if err != nil {
			return started, err
		}
		config, err := read(process.Getenv)
		if err != nil {
			return started, err
		}
		if isOwned {
			config.Client = os.Getppid()
		}
		started.Ready = config.Station
		started.Tunnel, err = Start(config, features, log)
		return started, err
	})
}

// read reads what the environment says of the network.
func read(getenv func(string) string) (config Config, err error) {
	if config.Station = getenv(StationPath); config.Station == "" {
		return Config{}, valueFailure("%s is not set: name the path of the station's socket: %w", StationPath, unix.EINVAL)
	}
	if value := getenv(MTU); value != "" {
		if config.MTU, err = strconv.Atoi(value); err != nil || config.MTU <= 0 {
			return Config{}, valueFailure("%s=%q is not an MTU in bytes: %w", MTU, value, unix.EINVAL)
		}
	}
	return config, nil
}

func valueFailure(format string, arguments ...any) error {
	return &status.Failure{Code: status.Value, Err: fmt.Errorf(format, arguments...)}
}
