package service

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/forward"
	"wg-bridge/go/proxy/host"
	"wg-bridge/go/proxy/http"
	"wg-bridge/go/proxy/socks5"
)

// A door is one listener or UDP socket, and what stands behind it.
type door struct {
	key, place, name string
	address          string // where it listens
	close            func()
	serve            func(ctx context.Context) error // until it is closed

	// Of proxies.
	socks5, http speaker
	// Of the others.
	stats  *proxy.Stats
	target atomic.Pointer[proxy.Target]
	local  atomic.Pointer[host.Address]
}

// A speaker is one of the two protocols of a door for proxies.
type speaker struct {
	users *proxy.Users
	stats *proxy.Stats
}

func (s *Service) newSpeaker() speaker {
	return speaker{proxy.NewUsers(), proxy.PartOf(s.config.Whole)}
}

// set gives a speaker the users of a Spec.
func (p speaker) set(given *Proxy) error {
	if given.Users == "" {
		p.users.ReadNone()
		return nil
	}
	return p.users.Read(strings.NewReader(given.Users))
}

// set gives a door what may change while it is open.
func (d *door) set(w *want) error {
	if w.socks5 != nil {
		if err := d.socks5.set(w.socks5); err != nil {
			return err
		}
	}
	if w.http != nil {
		if err := d.http.set(w.http); err != nil {
			return err
		}
	}
	d.target.Store(&w.target)
	d.local.Store(&w.local)
	return nil
}

// open opens a listener or a socket. Nobody is served yet.
func (s *Service) open(w *want) (*door, error) {
	d := &door{
		key: w.key, place: w.place, name: w.name,
		socks5: s.newSpeaker(), http: s.newSpeaker(), stats: proxy.PartOf(s.config.Whole),
	}
	if err := s.openAs(d, w); err != nil {
		return nil, err
	}
	return d, nil
}

func (s *Service) openAs(d *door, w *want) error {
	switch w.kind {
	case datagrams:
		socket, err := w.listen.ListenPacket()
		if err != nil {
			return err
		}
		s.openDatagrams(d, socket, func(ctx context.Context) (forward.Socket, error) {
			return forward.IntoTunnelUDP(s.config.Network, s.connector(), *d.target.Load())(ctx)
		})
		return nil
	case exposedUDP:
		socket, err := s.config.Network.BindUDP(w.inside())
		if err != nil {
			return err
		}
		s.openDatagrams(d, socket, func(ctx context.Context) (forward.Socket, error) {
			return d.local.Load().OpenUDP(ctx)
		})
		return nil
	}
	var listener net.Listener
	var err error
	if w.kind == exposed {
		listener, err = s.config.Network.ListenTCP(w.inside(), 0)
	} else {
		listener, err = w.listen.Listen(s.context)
	}
	if err != nil {
		return err
	}
	d.address = addressOf(listener)
	d.close = func() { _ = listener.Close() } // its server may have been faster
	switch w.kind {
	case proxies:
		s.openProxies(d, listener, w.socks5 != nil, w.http != nil)
	case streams:
		s.openStreams(d, listener, func(ctx context.Context) (net.Conn, error) {
			return s.connector().Connect(ctx, *d.target.Load())
		})
	case exposed:
		s.openStreams(d, listener, func(ctx context.Context) (net.Conn, error) { return d.local.Load().Dial(ctx) })
	}
	return nil
}

// connector returns what connects to the operator's targets, to which the clients' list does not apply.
func (s *Service) connector() *proxy.Connector {
	return &proxy.Connector{Dialer: s.config.Network, Resolver: &s.names}
}

func (s *Service) openStreams(d *door, listener net.Listener, connect forward.Connect) {
	d.serve = func(ctx context.Context) error {
		return forward.Serve(ctx, listener, connect, s.forwardConfig(d))
	}
}

func (s *Service) openDatagrams(d *door, socket proxy.PacketConn, open forward.Open) {
	d.address = socket.LocalAddrPort().String()
	d.close = func() { _ = socket.Close() } // its server may have been faster
	d.serve = func(ctx context.Context) error {
		return forward.ServeDatagrams(ctx, socket, open, s.forwardConfig(d))
	}
}

func (s *Service) forwardConfig(d *door) forward.Config {
	return forward.Config{Name: d.name, Stats: d.stats, Logf: s.config.Logf, Errorf: s.config.Errorf}
}

// openProxies serves one protocol or both at a listener.
func (s *Service) openProxies(d *door, listener net.Listener, speaksSOCKS5, speaksHTTP bool) {
	forSOCKS5 := socks5.Config{
		Network: s.config.Network, Resolver: &s.names, Allowed: &s.allowed, Relays: localSockets,
		Users: d.socks5.users, Stats: d.socks5.stats, Logf: s.config.Logf, Errorf: s.config.Errorf,
	}
	forHTTP := http.Config{
		Dialer: s.config.Network, Resolver: &s.names, Allowed: &s.allowed,
		Users: d.http.users, Stats: d.http.stats, Logf: s.config.Logf, Errorf: s.config.Errorf,
	}
	switch {
	case !speaksHTTP:
		d.serve = func(ctx context.Context) error { return socks5.Serve(ctx, listener, forSOCKS5) }
	case !speaksSOCKS5:
		d.serve = func(ctx context.Context) error { return http.Serve(ctx, listener, forHTTP) }
	default:
		d.serve = func(ctx context.Context) error { return serveBoth(ctx, listener, forSOCKS5, forHTTP) }
	}
}

func serveBoth(ctx context.Context, listener net.Listener, forSOCKS5 socks5.Config, forHTTP http.Config) error {
	first, second := proxy.Split(listener, forSOCKS5.Errorf)
	failed := make(chan error, 1)
	go func() { failed <- socks5.Serve(ctx, first, forSOCKS5) }()
	err := http.Serve(ctx, second, forHTTP)
	if socksErr := <-failed; socksErr != nil {
		return fmt.Errorf("socks5: %w", socksErr)
	}
	return err
}

// addressOf returns the address of a listener as package host reads it.
func addressOf(listener net.Listener) string {
	if listener.Addr().Network() == "unix" {
		return "unix:" + listener.Addr().String()
	}
	return listener.Addr().String()
}
