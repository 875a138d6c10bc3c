// Package userspace runs a tunnel that has no interface: a network in this process (package netstack), whose sockets a
// station offers. It needs no privileges.
package userspace

import (
	"errors"

	"golang.org/x/sys/unix"

	"wg-bridge/go/netstack"
	"wg-bridge/go/station"
	"wg-bridge/go/status"
	"wg-bridge/go/tunnel"
)

// Name is the name of every tunnel without an interface.
const Name = "userspace"

// Config says what a tunnel is to have in place of an interface.
type Config struct {
	Station string // path of the station's socket, in a directory of mode 0700
	Client  int    // the only process that may use the station; 0 for every process of this user
	MTU     int    // bytes, from netstack.MinMTU to netstack.MaxMTU; 0 for tunnel.DefaultMTU
}

// Tasks of a start, for the log.
const (
	networkTask = "Failed to create the userspace network"
	stationTask = "Station listen error"
)

// Start starts a tunnel that needs no TUN interface, no UAPI socket and no privileges. Its station is where it is
// configured and used. An error is a status.Failure; after it, nothing is left behind.
func Start(config Config, features tunnel.Features, log tunnel.Log) (*tunnel.Tunnel, error) {
	if config.MTU == 0 {
		config.MTU = tunnel.DefaultMTU
	}
	outbound, inbound := features.InFlightLimits()
	network, err := netstack.New(netstack.Config{
		MTU: config.MTU, Outbound: outbound, Inbound: inbound, AQM: features.Queue(log),
		Logf: log.Verbosef, Errorf: log.Errorf,
	})
	if err != nil {
		return nil, networkFailure(err)
	}
	peers := newPeers(network)
	started, err := tunnel.StartNetwork(tunnel.Network{
		Name:       Name,
		Packets:    network,
		Outbound:   outbound,
		Inbound:    inbound,
		Configured: peers.update,
		Ending:     network.AbortAll,
		Open: func(t *tunnel.Tunnel) (tunnel.Entrance, error) {
			peers.tunnel = t
			served, err := station.Open(station.Config{
				Path:      config.Station,
				Client:    config.Client,
				Network:   network,
				Resolver:  newResolver(network, log),
				Reachable: peers.reachable,
				Configure: t.Serve,
				Logf:      log.Verbosef,
				Errorf:    log.Errorf,
			})
			if err != nil {
				return nil, stationFailure(err) // not a nil *station.Station
			}
			return served, nil
		},
	}, features, log)
	if err != nil {
		return nil, err
	}
	log.Verbosef("Station started")
	return started, nil
}

// networkFailure classifies an error of package netstack.
func networkFailure(err error) error {
	code := status.ByErrno(err, map[unix.Errno]status.Code{unix.EINVAL: status.Value})
	return &status.Failure{Code: code, Task: networkTask, Err: err}
}

// stationFailure classifies an error of package station.
func stationFailure(err error) error {
	var code status.Code
	if errors.Is(err, station.ErrUntrusted) {
		code = status.Untrusted
	} else {
		code = status.ByErrno(err, map[unix.Errno]status.Code{
			unix.EADDRINUSE: status.SocketInUse,
			unix.EPERM:      status.Permission,
			unix.EACCES:     status.Permission,
			unix.EINVAL:     status.Value,
			unix.ENOENT:     status.SocketDirectory,
			unix.ENOTDIR:    status.SocketDirectory,
			unix.EROFS:      status.SocketDirectory,
		})
	}
	return &status.Failure{Code: code, Task: stationTask, Err: err}
}
