// Package tunnel runs one WireGuard interface in userspace, from open to close. It is the only
// package that knows the engine's device package.
package tunnel

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"golang.zx2c4.com/wireguard/device"
	engine "golang.zx2c4.com/wireguard/tun"

	"wg-bridge/go/cipher"
	"wg-bridge/go/descriptors"
	"wg-bridge/go/status"
	"wg-bridge/go/tun"
	"wg-bridge/go/uapi"
	"wg-bridge/go/udp"
)

// DefaultMTU of an interface in bytes: 1500 less what WireGuard over IPv6 adds, and room for PPPoE.
const DefaultMTU = device.DefaultMTU

// The maximum number of packets inside the engine in each direction, with and without the limit; one of more than 1,500
// bytes counts as several. Fewer leave its workers idle; more wait longer and take more memory, without more throughput.
const (
	maxInFlight          = 256
	maxInFlightUnlimited = 8192
)

// An End says why a tunnel ended.
type End string

const (
	Closed           End = "closed"            // Close was called
	InterfaceDeleted End = "interface-deleted" // as by ip link del
	InterfaceFailed  End = "interface-failed"  // the kernel refuses to give packets
	SocketRemoved    End = "socket-removed"    // the UAPI socket's path was removed
	ListenerFailed   End = "listener-failed"   // the UAPI socket, or a Network's, no longer accepts
	BindFailed       End = "bind-failed"       // the kernel refuses to give datagrams
)

// A packetEnd is where the engine's packets come from and go to: a TUN interface, or a Network's.
type packetEnd interface {
	engine.Device
	IsUp() bool
	Gone() <-chan struct{} // closed when the end is there no more
	Failure() error        // why, if something failed
}

// An entrance is where clients come to a tunnel: its UAPI socket, or a Network's.
type entrance interface {
	Removed() <-chan struct{} // closed when somebody has removed it
	Close() error
}

// A Tunnel is one running interface, with its UAPI socket served, or one Network. It owns the files, the sockets and every
// goroutine, and releases all of them when it ends, for whatever reason.
type Tunnel struct {
	name     string
	log      Log
	device   *device.Device
	bind     *udp.Bind
	packets  packetEnd
	entrance entrance

	restoreAVX512 func() // nil if the tunnel does not do without it

	configured func() // a Network's; may be nil, like the next
	ceasing    func() // a Network's Ending

	stop     chan struct{} // closed by Close
	stopOnce sync.Once
	accepted chan error    // why the entrance no longer accepts, once
	deaf     chan error    // from a receiver that has given up
	ending   chan struct{} // closed before anything is let go
	done     chan struct{}
	end      End   // may be read once ending is closed
	endErr   error // why the tunnel ended, if something failed; like closeErr, may be read once done is closed
	closeErr error // what failed while it let go

	mu          sync.Mutex
	connections map[net.Conn]struct{} // nil once the tunnel ends
	keepingPort bool
	handlers    sync.WaitGroup
}

// bindDescriptors are what a tunnel opens once its interface is up: two UDP sockets, and two for routes.
// spareDescriptors are what it needs after its start: these, one for a client, and one to accept the next.
// Without them it would seem to run, but receive nothing.
const (
	bindDescriptors  = 4
	spareDescriptors = bindDescriptors + 2
)

// Start serves the interface and socket of files, with these features. It owns files from here on, also
// when it fails.
func Start(files Files, features Features, log Log) (_ *Tunnel, err error) {
	listener, err := uapi.Listen(files.Name, files.UAPI)
	if err != nil {
		return nil, errors.Join(uapiFailure(err), files.TUN.Close())
	}
	tunConfig, udpConfig := configure(features, log)
	tunDevice, err := tun.New(files.TUN, tunConfig)
	if err != nil {
		return nil, errors.Join(tunFailure(err), listener.Close())
	}
	if err := descriptors.Require(spareDescriptors); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the tunnel: %w", err), listener.Close(), tunDevice.Close())
	}
	t := newTunnel(files.Name, log)
	t.packets, t.entrance = tunDevice, listener
	t.startEngine(features, udpConfig)
	t.handlers.Go(func() { t.accept(listener) })
	go t.waitForEnd()
	log.Verbosef("UAPI listener started")
	if err := listener.Unwatched(); err != nil {
		log.Verbosef("UAPI: polling for the removal of the socket, because the kernel does not report it here: %v", err)
	}
	return t, nil
}

func newTunnel(name string, log Log) *Tunnel {
	return &Tunnel{
		name:        name,
		log:         log,
		stop:        make(chan struct{}),
		accepted:    make(chan error, 1),
		deaf:        make(chan error, 1),
		ending:      make(chan struct{}),
		done:        make(chan struct{}),
		connections: make(map[net.Conn]struct{}),
	}
}

// startEngine starts the engine between the packets' end and UDP sockets.
func (t *Tunnel) startEngine(features Features, config udp.Config) {
	if !features.AVX512 {
		t.restoreAVX512 = cipher.DoWithoutAVX512()
	}
	t.bind = udp.NewBind(t.withFailureHooks(config))
	t.mu.Lock() // An interface that is up already lets the device open the Bind before it is here.
	t.device = device.NewDevice(t.packets, t.bind, &device.Logger{Verbosef: t.log.Verbosef, Errorf: t.log.Errorf})
	t.mu.Unlock()
	t.log.Verbosef("Device started")
	t.log.Verbosef("ChaCha20-Poly1305: %s", cipher.Name())
	if disabled := features.Disabled(); disabled != "" {
		t.log.Verbosef("Disabled: %s", disabled)
	}
}

// stopEngine returns once the engine, which may have begun to close by itself, has stopped.
func (t *Tunnel) stopEngine() {
	t.device.Close()
	<-t.device.Wait()
	if t.restoreAVX512 != nil {
		t.restoreAVX512()
	}
}

// configure returns the configuration of both ends of the engine.
func configure(features Features, log Log) (tun.Config, udp.Config) {
	outbound, inbound := features.InFlightLimits()
	return tun.Config{
			Offloads: features.TUN, Outbound: outbound, Inbound: inbound, AQM: features.Queue(log),
			Logf: log.Verbosef, Errorf: log.Errorf,
		}, udp.Config{
			Offloads: features.UDP, Outbound: outbound, Inbound: inbound, Timestamps: features.AQM,
			Logf: log.Verbosef, Errorf: log.Errorf,
		}
}

// Name returns the interface's name.
func (t *Tunnel) Name() string { return t.name }

// Done is closed when the tunnel has ended and everything that it held is let go.
func (t *Tunnel) Done() <-chan struct{} { return t.done }

// End says why the tunnel ended, and what failed before and while it did. The log has that error too. Call
// it once Done is closed.
func (t *Tunnel) End() (End, error) { return t.end, errors.Join(t.endErr, t.closeErr) }

// EndLine returns End as status.Ended writes it. Call it once Done is closed. If something failed, the log has it
// at error level.
func (t *Tunnel) EndLine() string {
	reason, err := t.End()
	return status.Ended(string(reason), err)
}

// Close ends the tunnel, waits until it is gone, and returns what could not be released. Why a tunnel had ended before
// is not an error of Close: see End. It may be called more than once and from any goroutine.
func (t *Tunnel) Close() error {
	t.stopOnce.Do(func() { close(t.stop) })
	<-t.done
	return t.closeErr
}

func (t *Tunnel) handle(connection net.Conn) {
	t.serve(connection) // closes the connection
	t.mu.Lock()
	delete(t.connections, connection)
	t.mu.Unlock()
}

// withFailureHooks returns the configuration of a Bind that reports its failures to the tunnel.
func (t *Tunnel) withFailureHooks(config udp.Config) udp.Config {
	config.Refused, config.Failed = t.keepPort, t.bindFailed
	return config
}

// bindFailed ends the tunnel, which can no longer receive in one address family. The first reason counts.
func (t *Tunnel) bindFailed(err error) {
	select {
	case t.deaf <- err:
	default:
	}
}

// waitForEnd ends the tunnel once there is a reason to, and logs what failed.
func (t *Tunnel) waitForEnd() {
	select {
	case <-t.stop:
		t.end = Closed
	case <-t.packets.Gone():
		t.end = InterfaceDeleted
		if err := t.packets.Failure(); err != nil {
			t.end = InterfaceFailed
			t.endErr = fmt.Errorf("reading from the interface %s: %w", t.name, err)
		}
	case <-t.entrance.Removed():
		t.end = SocketRemoved
	case err := <-t.accepted:
		t.end = ListenerFailed
		t.endErr = err
	case err := <-t.deaf:
		t.end = BindFailed
		t.endErr = fmt.Errorf("UDP bind of %s: %w", t.name, err)
	}

	close(t.ending)
	// The name first: its next user may be waiting. Then who still talks to the device, then the
	// device, which closes the TUN and the UDP sockets.
	t.closeErr = t.entrance.Close()
	t.mu.Lock()
	connections := t.connections
	t.connections = nil
	t.mu.Unlock()
	for connection := range connections {
		_ = connection.Close() // its handler may have been faster
	}
	t.handlers.Wait()
	if t.ceasing != nil {
		t.ceasing()
	}
	t.stopEngine()
	if _, err := t.End(); err != nil {
		t.log.Errorf("The tunnel ended (%s)", t.EndLine())
	}
	close(t.done)
}
