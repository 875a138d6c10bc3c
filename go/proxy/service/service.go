package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/host"
)

// Config is what a service needs. Every field must be set.
type Config struct {
	Network  proxy.Network
	Resolver proxy.Resolver
	// Whole counts the connections of all services of a tunnel, to which one limit applies.
	Whole        *proxy.Stats
	Logf, Errorf func(format string, arguments ...any)
}

// A Service is what a tunnel offers, until it is closed.
type Service struct {
	config  Config
	context context.Context // its end resets all connections
	abort   context.CancelFunc
	allowed proxy.Allowed
	names   resolver
	work    sync.WaitGroup

	mu     sync.Mutex // held during a change
	closed bool
	doors  []*door
	plan   *plan
}

// Open opens everything that a Spec asks for, or nothing.
func Open(spec Spec, config Config) (*Service, error) {
	ctx, abort := context.WithCancel(context.Background())
	s := &Service{config: config, context: ctx, abort: abort, names: resolver{inside: config.Resolver}}
	if err := s.Update(spec); err != nil {
		abort()
		return nil, err
	}
	return s, nil
}

// Update changes what is offered. An address or port that was offered before for the same purpose goes on, with its
// connections; its users and its target are the new ones from now on. What is offered no longer accepts no more clients,
// and those that it has go on. After an error everything is as before, unless an address changes its purpose: it is
// given up first, and stays so.
func (s *Service) Update(spec Spec) error {
	wanted, err := read(spec)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("changing a proxy that is being closed: %w", unix.ENOENT)
	}
	kept := make(map[*want]*door)
	var left []*door
	for _, old := range s.doors {
		index := slices.IndexFunc(wanted.wants, func(w *want) bool { return w.key == old.key })
		if index >= 0 {
			kept[wanted.wants[index]] = old
			continue
		}
		left = append(left, old)
		if slices.ContainsFunc(wanted.wants, func(w *want) bool { return w.place == old.place }) {
			old.close()
		}
	}
	opened := make(map[*want]*door)
	for _, w := range wanted.wants {
		if kept[w] != nil {
			continue
		}
		one, err := s.open(w)
		if err != nil {
			for _, other := range opened {
				other.close()
			}
			return fmt.Errorf("%s: %w", w.name, err)
		}
		opened[w] = one
	}
	if err := s.set(wanted.spec); err != nil {
		return err
	}
	s.doors = s.doors[:0:0]
	for _, w := range wanted.wants {
		one := kept[w]
		if one == nil {
			one = opened[w]
		}
		if err := one.set(w); err != nil {
			return err // it was read before: this cannot be
		}
		if opened[w] != nil {
			s.work.Go(func() { s.serve(one) })
		}
		s.doors = append(s.doors, one)
	}
	for _, old := range left {
		old.close()
	}
	s.plan = wanted
	return nil
}

// set sets what applies to all doors.
func (s *Service) set(spec Spec) error {
	s.names.host.Store(spec.HostDNS)
	if spec.Allow == nil {
		s.allowed.SetAll()
		return nil
	}
	return s.allowed.Set(spec.Allow)
}

// serve serves a door until it is closed.
func (s *Service) serve(one *door) {
	if err := one.serve(s.context); err != nil && s.context.Err() == nil && !errors.Is(err, net.ErrClosed) {
		s.config.Errorf("%s: no longer served: %v", one.name, err)
	}
}

// Addresses are where a service listens, in the order of its Spec.
type Addresses struct {
	SOCKS5  []string `json:"socks5"`
	HTTP    []string `json:"http"`
	Forward []string `json:"forward"`
}

// Addresses returns where the service listens: the ports that were chosen in place of 0.
func (s *Service) Addresses() Addresses {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Addresses{s.addressesOf(s.plan.socks5), s.addressesOf(s.plan.http), s.addressesOf(s.plan.forward)}
}

func (s *Service) addressesOf(wants []*want) []string {
	addresses := make([]string, 0, len(wants))
	for _, w := range wants {
		addresses = append(addresses, s.doorOf(w).address)
	}
	return addresses
}

func (s *Service) doorOf(w *want) *door {
	for index, one := range s.plan.wants {
		if one == w {
			return s.doors[index]
		}
	}
	return nil // never: a plan has a door for each
}

// Counts are those of a service, in the order of its Spec.
type Counts struct {
	SOCKS5  []Count `json:"socks5"`
	HTTP    []Count `json:"http"`
	Forward []Count `json:"forward"`
	Expose  []Count `json:"expose"`
}

// A Count is what one proxy, forward or exposed port has done since it was opened.
type Count struct {
	Accepted          int64  `json:"accepted"` // connections of clients
	Active            int64  `json:"active"`   // those that are open
	Refused           int64  `json:"refused"`  // closed at once, since too many were open
	Denied            int64  `json:"denied"`   // without the right user and password
	Failed            int64  `json:"failed"`   // whose target could not be reached
	Sent              uint64 `json:"sent"`     // bytes from clients
	Received          uint64 `json:"received"` // bytes to clients
	DatagramsSent     uint64 `json:"datagramsSent"`
	DatagramsReceived uint64 `json:"datagramsReceived"`
	DatagramsDropped  uint64 `json:"datagramsDropped"`
}

// Counts returns what each part has counted.
func (s *Service) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := func(wants []*want, stats func(*door) *proxy.Stats) []Count {
		all := make([]Count, 0, len(wants))
		for _, w := range wants {
			all = append(all, Count(stats(s.doorOf(w)).Snapshot()))
		}
		return all
	}
	socks5 := func(one *door) *proxy.Stats { return one.socks5.stats }
	http := func(one *door) *proxy.Stats { return one.http.stats }
	plain := func(one *door) *proxy.Stats { return one.stats }
	return Counts{
		SOCKS5: counts(s.plan.socks5, socks5), HTTP: counts(s.plan.http, http),
		Forward: counts(s.plan.forward, plain), Expose: counts(s.plan.expose, plain),
	}
}

// Close stops accepting clients, and returns once those that are there have ended. The end of ctx resets them.
func (s *Service) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	for _, one := range s.doors {
		one.close()
	}
	s.mu.Unlock()
	defer s.abort()
	defer context.AfterFunc(ctx, s.abort)()
	s.work.Wait()
}

// localSockets opens the sockets of UDP ASSOCIATE.
var localSockets = host.Sockets{}
