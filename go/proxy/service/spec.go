// Package service runs what a tunnel offers to programs that know nothing of WireGuard: SOCKS5 and HTTP proxies,
// forwards into the tunnel, and ports exposed to it. It can be changed while it runs, without ending a connection.
package service

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/host"
)

// A Spec says what to offer. Its addresses are written as package host and proxy.ParseTarget read them.
type Spec struct {
	SOCKS5  []Proxy   `json:"socks5"`
	HTTP    []Proxy   `json:"http"`
	Forward []Forward `json:"forward"`
	Expose  []Expose  `json:"expose"`
	Allow   []string  `json:"allow"` // what clients of SOCKS5 and HTTP may reach; nil: everything
	// HostDNS lets this machine's resolver look names up, which then leave the tunnel.
	HostDNS bool `json:"hostDns"`
}

// A Proxy is a SOCKS5 or HTTP proxy. Both may have the same address.
type Proxy struct {
	Listen string `json:"listen"`
	Users  string `json:"users"` // as proxy.Users.Read reads them; empty: nobody has to be a user
}

// A Forward leads from an address of this machine into the tunnel.
type Forward struct {
	Protocol string `json:"protocol"` // tcp or udp
	Listen   string `json:"listen"`
	Target   string `json:"target"`
}

// An Expose leads from a port of the tunnel's addresses to this machine.
type Expose struct {
	Protocol string `json:"protocol"` // tcp or udp
	Port     uint16 `json:"port"`
	Target   string `json:"target"`
}

// maxDoors is how many addresses and ports a service has at most.
const maxDoors = 256

// A kind is what a door is for. Doors of different kinds cannot become each other without a new listener.
type kind string

const (
	proxies    kind = "proxy"
	streams    kind = "tcp forward"
	datagrams  kind = "udp forward"
	exposed    kind = "tcp expose"
	exposedUDP kind = "udp expose"
)

// A want is a door that a Spec asks for.
type want struct {
	kind   kind
	place  string // where it is: no two doors of one protocol have the same
	key    string // equal to that of the door that goes on in its place
	name   string // for errors and the log
	listen host.Address
	port   uint16
	socks5 *Proxy
	http   *Proxy
	target proxy.Target
	local  host.Address
}

// A plan is a Spec that was read. Each list has the door of each entry of the Spec.
type plan struct {
	wants                         []*want
	socks5, http, forward, expose []*want
	spec                          Spec
}

// read checks a Spec, all of it before anything is opened. An error wraps EINVAL.
func read(spec Spec) (*plan, error) {
	p := &plan{spec: spec}
	if err := p.addProxies("socks5", spec.SOCKS5, func(w *want, one *Proxy) bool {
		if w.socks5 != nil {
			return false
		}
		w.socks5 = one
		p.socks5 = append(p.socks5, w)
		return true
	}); err != nil {
		return nil, err
	}
	if err := p.addProxies("http", spec.HTTP, func(w *want, one *Proxy) bool {
		if w.http != nil {
			return false
		}
		w.http = one
		p.http = append(p.http, w)
		return true
	}); err != nil {
		return nil, err
	}
	for _, one := range p.wants {
		one.key = fmt.Sprintf("%s socks5=%t http=%t", one.place, one.socks5 != nil, one.http != nil)
	}
	for _, one := range spec.Forward {
		w, err := readForward(one)
		if err == nil {
			err = p.add(w)
		}
		if err != nil {
			return nil, fmt.Errorf("forward %s: %w", one.Listen, err)
		}
		p.forward = append(p.forward, w)
	}
	for _, one := range spec.Expose {
		w, err := readExpose(one)
		if err == nil {
			err = p.add(w)
		}
		if err != nil {
			return nil, fmt.Errorf("expose %d: %w", one.Port, err)
		}
		p.expose = append(p.expose, w)
	}
	if len(p.wants) > maxDoors {
		return nil, fmt.Errorf("%d addresses and ports, where a service has at most %d: %w", len(p.wants), maxDoors, unix.EINVAL)
	}
	if spec.Allow != nil {
		if err := new(proxy.Allowed).Set(spec.Allow); err != nil {
			return nil, fmt.Errorf("allow: %w: %w", err, unix.EINVAL)
		}
	}
	return p, nil
}

// addProxies adds proxies of one protocol. Those at the address of an earlier one of the other protocol share its door.
func (p *plan) addProxies(protocol string, entries []Proxy, join func(*want, *Proxy) bool) error {
	for index := range entries {
		one := &entries[index]
		listen, err := host.ParseAddress(one.Listen)
		if err != nil {
			return fmt.Errorf("%s: %w: %w", protocol, err, unix.EINVAL)
		}
		if one.Users != "" {
			if err := proxy.NewUsers().Read(strings.NewReader(one.Users)); err != nil {
				return fmt.Errorf("%s %v: the users: %w: %w", protocol, listen, err, unix.EINVAL)
			}
		}
		w := &want{kind: proxies, place: "tcp " + listen.String(), name: protocol + " " + listen.String(), listen: listen}
		if shared := p.at(w.place); shared != nil && listen.HasPort() && shared.kind == proxies {
			if !join(shared, one) {
				return fmt.Errorf("%s %v: given twice: %w", protocol, listen, unix.EINVAL)
			}
			continue
		}
		if !listen.HasPort() {
			w.place += " " + protocol // so that others do not change its number
		}
		if err := p.add(w); err != nil {
			return fmt.Errorf("%s: %w", protocol, err)
		}
		join(w, one)
	}
	return nil
}

func (p *plan) at(place string) *want {
	for _, one := range p.wants {
		if one.place == place {
			return one
		}
	}
	return nil
}

// add adds a door. Several may ask for any free port: these are told apart by their order.
func (p *plan) add(w *want) error {
	if p.at(w.place) != nil {
		if w.port != 0 || w.listen.HasPort() {
			return fmt.Errorf("%s is given twice: %w", w.place, unix.EINVAL)
		}
		place := w.place
		for number := 2; p.at(w.place) != nil; number++ {
			w.place = place + " #" + strconv.Itoa(number)
		}
	}
	w.key = w.place + " " + string(w.kind)
	p.wants = append(p.wants, w)
	return nil
}

func readForward(one Forward) (*want, error) {
	listen, err := host.ParseAddress(one.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, unix.EINVAL)
	}
	target, err := proxy.ParseTarget(one.Target)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, unix.EINVAL)
	}
	w := &want{
		kind: streams, place: one.Protocol + " " + listen.String(), listen: listen, target: target,
		name: fmt.Sprintf("%v to %v", listen, target),
	}
	if !listen.HasPort() {
		w.place += " forward"
	}
	switch one.Protocol {
	case "udp":
		w.kind = datagrams
	case "tcp":
	default:
		return nil, fmt.Errorf("%q is not tcp or udp: %w", one.Protocol, unix.EINVAL)
	}
	return w, nil
}

func readExpose(one Expose) (*want, error) {
	local, err := host.ParseAddress(one.Target)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, unix.EINVAL)
	}
	if one.Port == 0 {
		return nil, fmt.Errorf("the port is missing: %w", unix.EINVAL)
	}
	w := &want{
		kind: exposed, place: fmt.Sprintf("inside %s %d", one.Protocol, one.Port), port: one.Port, local: local,
		name: fmt.Sprintf("port %d of the tunnel to %v", one.Port, local),
	}
	switch one.Protocol {
	case "udp":
		w.kind = exposedUDP
	case "tcp":
	default:
		return nil, fmt.Errorf("%q is not tcp or udp: %w", one.Protocol, unix.EINVAL)
	}
	return w, nil
}

// inside returns where an exposed port is: at all addresses of the tunnel.
func (w *want) inside() netip.AddrPort { return netip.AddrPortFrom(netip.Addr{}, w.port) }
