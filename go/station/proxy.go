package station

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/service"
	"wg-bridge/go/proxy/userspace"
	"wg-bridge/go/resolve"
)

// offer opens the proxies of a client, or changes those that the request names.
func (c *client) offer(_ context.Context, r *request) error {
	if r.Spec == nil {
		return fmt.Errorf("\"spec\" is missing: %w", unix.EINVAL)
	}
	if r.Proxy != 0 {
		offered, err := c.offered(r.Proxy)
		if err != nil {
			return err
		}
		if err := offered.Update(*r.Spec); err != nil {
			return err
		}
		c.send(offering{r.ID, offered.Addresses()})
		return nil
	}
	offered, err := service.Open(*r.Spec, service.Config{
		Network:  proxyNetwork{userspace.Network(c.station.config.Network), c.station.config.Reachable},
		Resolver: proxyResolver{c.station},
		Whole:    &c.station.proxied,
		Logf:     c.station.config.Logf,
		Errorf:   c.station.config.Errorf,
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	_, taken := c.proxies[r.ID]
	isOver := c.proxies == nil
	if !taken && !isOver {
		c.proxies[r.ID] = offered
	}
	c.mu.Unlock()
	switch {
	case isOver:
		reset(offered)
		return nil // nobody reads an answer
	case taken:
		reset(offered)
		return fmt.Errorf("proxy %d exists already: %w", r.ID, unix.EEXIST)
	}
	c.send(offering{r.ID, offered.Addresses()})
	return nil
}

// offered returns the proxies that an earlier request of this client has opened.
func (c *client) offered(id uint64) (*service.Service, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	offered, exists := c.proxies[id]
	if !exists {
		return nil, fmt.Errorf("there is no proxy %d: %w", id, unix.ENOENT)
	}
	return offered, nil
}

// withdraw closes proxies. Those who are connected have the time that the request gives them to end.
func (c *client) withdraw(ctx context.Context, r *request) error {
	limit, err := r.limit(0)
	if err != nil {
		return err
	}
	c.mu.Lock()
	offered, exists := c.proxies[r.Proxy]
	c.mu.Unlock()
	if exists {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		offered.Close(ctx)
		c.mu.Lock()
		delete(c.proxies, r.Proxy)
		c.mu.Unlock()
	}
	c.send(done{r.ID})
	return nil
}

// reset closes proxies and resets their connections.
func reset(offered *service.Service) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	offered.Close(ctx)
}

func (c *client) tellCounts(r *request) error {
	offered, err := c.offered(r.Proxy)
	if err != nil {
		return err
	}
	c.send(counted{r.ID, offered.Counts()})
	return nil
}

// Answers about proxies.
type (
	offering struct {
		ID        uint64            `json:"id"`
		Addresses service.Addresses `json:"addresses"`
	}
	counted struct {
		ID     uint64         `json:"id"`
		Counts service.Counts `json:"counts"`
	}
)

// A proxyNetwork says at once that a peer has no endpoint, as connect does.
type proxyNetwork struct {
	proxy.Network
	reachable func(netip.Addr) error
}

func (n proxyNetwork) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	if err := n.reachable(remote.Addr()); err != nil {
		return nil, fmt.Errorf("connecting to %v: %w", remote, err)
	}
	return n.Network.DialTCP(ctx, remote)
}

// A proxyResolver asks for addresses of the families that the tunnel has.
type proxyResolver struct{ station *Station }

func (r proxyResolver) Lookup(ctx context.Context, name string, family resolve.Family) ([]netip.Addr, error) {
	if family == resolve.Any {
		family = r.station.onlyFamily()
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addresses, err := r.station.lookup(ctx, name, int(family))
	var reason *NameError
	var known *resolve.Error
	if errors.As(err, &reason) && !errors.As(err, &known) {
		err = &resolve.Error{Code: reason.Code, Name: name, Reason: reason.Error(), Err: reason.Err}
	}
	return addresses, err
}

// onlyFamily returns the family of the tunnel's addresses, or that there are both.
func (s *Station) onlyFamily() resolve.Family {
	has4, has6 := false, false
	for _, address := range s.config.Network.Addresses() {
		if address.Is4() {
			has4 = true
		} else {
			has6 = true
		}
	}
	switch {
	case has4 == has6:
		return resolve.Any
	case has4:
		return resolve.IPv4
	}
	return resolve.IPv6
}
