package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"net"

	engine "golang.zx2c4.com/wireguard/tun"

	"wg-bridge/go/aqm"
	"wg-bridge/go/descriptors"
	"wg-bridge/go/inflight"
	"wg-bridge/go/status"
	"wg-bridge/go/udp"
)

// A Network is what a tunnel has in place of a TUN interface and a UAPI socket. It is a program's own: it is always up,
// and only the tunnel's end takes it away.
type Network struct {
	Name    string        // of the tunnel, for the log
	Packets engine.Device // is closed with the tunnel, also if the tunnel does not start

	// Outbound and Inbound are the limits that Packets counts with: see InFlightLimits.
	Outbound *inflight.Outbound
	Inbound  *inflight.Inbound

	// Open opens the entrance of a tunnel whose engine runs.
	Open func(*Tunnel) (Entrance, error)
	// Configured is called after each request that may have changed the engine's configuration.
	Configured func()
	// Ending is called once nobody uses or configures the tunnel any more, while its engine still carries packets.
	Ending func()
}

// An Entrance is where clients come to a tunnel that has no UAPI socket.
type Entrance interface {
	Failed() <-chan error // gets the reason once it no longer accepts
	Close() error
}

// StartNetwork starts a tunnel on a network, with these features. After an error, nothing is left behind. It needs no
// privileges.
func StartNetwork(network Network, features Features, log Log) (*Tunnel, error) {
	if err := descriptors.Require(spareDescriptors); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the tunnel: %w", err), network.Packets.Close())
	}
	t := newTunnel(network.Name, log)
	t.packets = unfailing{network.Packets}
	t.configured, t.ceasing = network.Configured, network.Ending
	t.startEngine(features, udp.Config{
		Offloads:        features.UDP,
		NetlinkOptional: true, // as sandboxes without privileges have it
		Outbound:        network.Outbound,
		Inbound:         network.Inbound,
		Timestamps:      features.AQM,
		Logf:            log.Verbosef,
		Errorf:          log.Errorf,
	})
	// Otherwise the engine opens its UDP sockets some time later, and until then says that it has no port.
	if err := t.device.Up(); err != nil {
		t.abandon()
		return nil, &status.Failure{Code: status.ByErrno(err, nil), Task: bindTask, Err: fmt.Errorf("opening UDP sockets: %w", err)}
	}
	opened, err := network.Open(t)
	if err != nil {
		t.abandon()
		return nil, err
	}
	t.entrance = private{opened}
	t.handlers.Go(func() {
		select {
		case err := <-opened.Failed():
			t.accepted <- err
		case <-t.ending:
		}
	})
	go t.waitForEnd()
	return t, nil
}

// bindTask is a task of a start, for the log.
const bindTask = "Failed to bring the tunnel up"

// abandon ends the engine of a tunnel that does not start, and what it has begun meanwhile.
func (t *Tunnel) abandon() {
	close(t.ending)
	t.stopEngine()
	t.handlers.Wait()
}

// InFlightLimits returns the limits between both ends of the engine.
func (f Features) InFlightLimits() (*inflight.Outbound, *inflight.Inbound) {
	maximum := maxInFlight
	if !f.InFlightLimit {
		maximum = maxInFlightUnlimited
	}
	return inflight.NewOutbound(maximum), inflight.NewInbound(maximum)
}

// Queue returns what manages the queue before the engine, or nil.
func (f Features) Queue(log Log) *aqm.Queue {
	if !f.AQM {
		return nil
	}
	return aqm.New(log.Verbosef)
}

// Serve answers the requests of a client that a Network's entrance has admitted, until the client hangs up. The entrance
// ends the connection when it closes.
func (t *Tunnel) Serve(connection net.Conn) { t.serve(connection) }

// ReadConfiguration calls read with each line of the engine's configuration, as an answer to get has them. The lines are
// overwritten afterwards, since some are keys.
func (t *Tunnel) ReadConfiguration(read func(line []byte)) error {
	var text secretText
	defer func() { clear(text) }()
	if err := t.device.IpcGetOperation(&text); err != nil {
		return fmt.Errorf("reading the configuration of %s: %w", t.name, err)
	}
	for line := range bytes.Lines(text) {
		read(bytes.TrimSuffix(line, []byte("\n")))
	}
	return nil
}

// An unfailing end of packets is always up, and never gone before the tunnel.
type unfailing struct{ engine.Device }

func (unfailing) IsUp() bool            { return true }
func (unfailing) Gone() <-chan struct{} { return nil }
func (unfailing) Failure() error        { return nil }

// A private entrance belongs to whoever started the tunnel: its removal is no way to end it.
type private struct{ Entrance }

func (private) Removed() <-chan struct{} { return nil }
