package tunnel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"wg-bridge/go/descriptors"
	"wg-bridge/go/netstack"
	"wg-bridge/go/station"
	"wg-bridge/go/status"
	"wg-bridge/go/udp"
)

// UserspaceName is the name of every tunnel without an interface.
const UserspaceName = "userspace"

// Userspace says what a tunnel is to have in place of an interface: sockets, which a station offers.
type Userspace struct {
	Station string // path of the station's socket, in a directory of mode 0700
	Client  int    // the only process that may use the station; 0 for every process of this user
	MTU     int    // bytes, from netstack.MinMTU to netstack.MaxMTU; 0 for DefaultMTU
}

// Tasks of a start, for the log.
const (
	networkTask = "Failed to create the userspace network"
	stationTask = "Station listen error"
)

// StartUserspace starts a tunnel that needs no TUN interface, no UAPI socket and no privileges. Its station is where it
// is configured and used. An error is a status.Failure; after it, nothing is left behind.
func StartUserspace(userspace Userspace, features Features, log Log) (*Tunnel, error) {
	if userspace.MTU == 0 {
		userspace.MTU = DefaultMTU
	}
	outbound, inbound := limitInFlight(features)
	network, err := netstack.New(netstack.Config{
		MTU: userspace.MTU, Outbound: outbound, Inbound: inbound, Logf: log.Verbosef, Errorf: log.Errorf,
	})
	if err != nil {
		return nil, networkFailure(err)
	}
	if err := descriptors.Require(spareDescriptors); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the tunnel: %w", err), network.Close())
	}
	t := newTunnel(UserspaceName, log)
	t.packets = userspaceEnd{network}
	t.startEngine(features, udp.Config{
		Offloads: features.UDP, Outbound: outbound, Inbound: inbound, Logf: log.Verbosef, Errorf: log.Errorf,
	})
	t.peers = newPeers(t.device, network)
	served, err := station.Open(station.Config{
		Path:      userspace.Station,
		Client:    userspace.Client,
		Network:   network,
		Resolver:  newResolver(network, log),
		Reachable: t.peers.reachable,
		Configure: t.serve,
		Logf:      log.Verbosef,
		Errorf:    log.Errorf,
	})
	if err != nil {
		close(t.ending) // what the engine has begun meanwhile ends
		t.device.Close()
		<-t.device.Wait()
		t.handlers.Wait()
		return nil, stationFailure(err)
	}
	t.entrance = stationEntrance{served}
	t.handlers.Go(func() {
		select {
		case err := <-served.Failed():
			t.accepted <- err
		case <-t.ending:
		}
	})
	go t.waitForEnd()
	log.Verbosef("Station started")
	return t, nil
}

// A userspaceEnd is a network that is always up, and never gone before the tunnel.
type userspaceEnd struct{ *netstack.Device }

func (userspaceEnd) IsUp() bool            { return true }
func (userspaceEnd) Gone() <-chan struct{} { return nil }
func (userspaceEnd) Failure() error        { return nil }

// A stationEntrance is a station, which is private to whoever started it: its removal is no way to end a tunnel.
type stationEntrance struct{ *station.Station }

func (stationEntrance) Removed() <-chan struct{} { return nil }

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
