package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
	upstream "golang.zx2c4.com/wireguard/tun/netstack"

	"wg-bridge/go/aqm"
	"wg-bridge/go/inflight"
	"wg-bridge/go/netstack"
	"wg-bridge/go/udp"
)

// maxInFlight is that of our tunnels.
const maxInFlight = 256

// A description is what a network without an interface needs. It comes by standard input, as it holds a key.
type description struct {
	Address netip.Addr   `json:"address"`
	MTU     int          `json:"mtu"`
	Reaches netip.Prefix `json:"reaches"` // the peer's allowed IPs
	UAPI    string       `json:"uapi"`    // the engine's configuration
}

// open opens a network by its name. Both userspace networks have our Bind, so that they alone differ.
func open(name string, lines *bufio.Reader) (dial dialer, closeNetwork func(), err error) {
	if name == "kernel" {
		var kernel net.Dialer
		return func(ctx context.Context, to string) (net.Conn, error) { return kernel.DialContext(ctx, "tcp", to) }, func() {}, nil
	}
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the network: %w", err)
	}
	var wanted description
	if err := json.Unmarshal(line, &wanted); err != nil {
		return nil, nil, errors.New("the network is not described by a line of JSON")
	}
	switch name {
	case "netstack":
		return openOwn(wanted)
	case "upstream":
		return openUpstream(wanted)
	}
	return nil, nil, fmt.Errorf("there is no network %q", name)
}

func openOwn(wanted description) (dialer, func(), error) {
	outbound, inbound := inflight.NewOutbound(maxInFlight), inflight.NewInbound(maxInFlight)
	network, err := netstack.New(netstack.Config{
		MTU: wanted.MTU, Outbound: outbound, Inbound: inbound, AQM: aqm.New(nil), Errorf: logf,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a network: %w", err)
	}
	if err := network.SetAddresses([]netip.Addr{wanted.Address}); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cannot set the address: %w", err), network.Close())
	}
	network.SetRoutes([]netip.Prefix{wanted.Reaches})
	closeEngine, err := start(network, wanted.UAPI, udp.Config{Inbound: inbound, Outbound: outbound, Timestamps: true})
	return func(ctx context.Context, to string) (net.Conn, error) {
		address, err := netip.ParseAddrPort(to)
		if err != nil {
			return nil, err
		}
		conn, err := network.DialTCP(ctx, netip.AddrPort{}, address)
		if err != nil {
			return nil, err // not conn: a nil pointer in an interface is not nil
		}
		return conn, nil
	}, closeEngine, err
}

func openUpstream(wanted description) (dialer, func(), error) {
	end, network, err := upstream.CreateNetTUN([]netip.Addr{wanted.Address}, nil, wanted.MTU)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make upstream's network: %w", err)
	}
	closeEngine, err := start(end, wanted.UAPI, udp.Config{})
	return func(ctx context.Context, to string) (net.Conn, error) {
		address, err := netip.ParseAddrPort(to)
		if err != nil {
			return nil, err
		}
		conn, err := network.DialContextTCPAddrPort(ctx, address)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}, closeEngine, err
}

// start starts an engine between a network and our Bind.
func start(network tun.Device, uapi string, config udp.Config) (closeEngine func(), err error) {
	config.Offloads, config.NetlinkOptional, config.Errorf = udp.AllOffloads, true, logf
	logger := &device.Logger{Verbosef: device.DiscardLogf, Errorf: logf}
	engine := device.NewDevice(network, udp.NewBind(config), logger)
	if err := errors.Join(engine.IpcSet(uapi), engine.Up()); err != nil {
		engine.Close()
		return nil, fmt.Errorf("cannot start the engine: %w", err)
	}
	return engine.Close, nil
}

func logf(format string, arguments ...any) { fmt.Fprintf(os.Stderr, format+"\n", arguments...) }
