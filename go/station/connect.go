package station

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/netstack"
)

const (
	connectTimeout = 30 * time.Second
	// attemptInterval is how long an address of a name has before the next one is tried beside it: Node.js's default.
	attemptInterval = 250 * time.Millisecond
)

// connect opens a stream to an address or a name. If the client hangs up before the answer, nothing is left.
func (c *client) connect(connection *net.UnixConn, r *request) (kept bool, err error) {
	limit, err := r.limit(connectTimeout)
	if err != nil {
		return false, err
	}
	local, err := c.station.parseLocal(r.LocalAddress, r.LocalPort)
	if err != nil {
		return false, err
	}
	raw, err := connection.SyscallConn()
	if err != nil {
		return false, err
	}
	id, ok := c.station.reserve()
	if !ok {
		return false, tooMany("streams", c.station.config.limits.streams)
	}
	defer func() {
		if !kept {
			c.station.release(id)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	stop := whileConnected(connection, raw, cancel)
	conn, err := c.station.dial(ctx, local, r)
	stop()
	if err == nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), conn.Abort())
	} else if err == nil {
		if err = r.apply(conn); err != nil {
			err = errors.Join(err, conn.Abort())
		}
	}
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = &lateError{"not connected", limit}
		}
		return false, err
	}
	return c.run(connection, &stream{client: c, id: id, conn: conn, endpoint: conn.Endpoint()}), nil
}

// run answers with the ends of a stream, and has its bytes moved. It returns false if nobody wants them.
func (c *client) run(connection *net.UnixConn, t *stream) (kept bool) {
	c.station.keep(t)
	if !c.station.answer(connection, endsOf(t.id, t.conn.Local(), t.conn.Remote())) {
		_ = t.conn.Abort() // fails if it was reset meanwhile
		return false
	}
	return t.run(connection)
}

// dial connects to the address of a request, or to those of its name until one of them answers.
func (s *Station) dial(ctx context.Context, local netip.AddrPort, r *request) (*netstack.Conn, error) {
	if r.Address != "" && r.Host != "" {
		return nil, fmt.Errorf("a stream is connected to an address or to a host, not to both: %w", unix.EINVAL)
	}
	addresses, err := s.targets(ctx, local, r)
	if err != nil {
		return nil, err
	}
	if len(addresses) == 1 {
		return s.attempt(ctx, local, netip.AddrPortFrom(addresses[0], r.Port))
	}
	return s.race(ctx, local, addresses, r.Port)
}

// targets returns the addresses to try, in turn of each family, and only of those that the tunnel has itself.
func (s *Station) targets(ctx context.Context, local netip.AddrPort, r *request) ([]netip.Addr, error) {
	if r.Address != "" {
		address, err := parseAddress(r.Address)
		return []netip.Addr{address}, err
	}
	if r.Host == "" {
		return nil, fmt.Errorf("a stream is connected to an address or a host: %w", unix.EINVAL)
	}
	if address, err := parseAddress(r.Host); err == nil {
		return []netip.Addr{address}, nil
	}
	addresses, err := s.lookup(ctx, r.Host, r.Family)
	if err != nil {
		return nil, err
	}
	return interleave(addresses, func(address netip.Addr) bool {
		if !isAny(local.Addr()) {
			return local.Addr().Is4() == address.Is4()
		}
		for _, own := range s.config.Network.Addresses() {
			if own.Is4() == address.Is4() {
				return true
			}
		}
		return false
	}), nil
}

// interleave returns the addresses that can be reached, one of each family in turn, beginning with that of the first. If
// there are none, it returns the first address, whose attempt says why.
func interleave(addresses []netip.Addr, canReach func(netip.Addr) bool) []netip.Addr {
	var first, second []netip.Addr
	for _, address := range addresses {
		switch {
		case !canReach(address):
		case len(first) == 0 || first[0].Is4() == address.Is4():
			first = append(first, address)
		default:
			second = append(second, address)
		}
	}
	if len(first) == 0 {
		return addresses[:1]
	}
	turns := make([]netip.Addr, 0, len(first)+len(second))
	for i := range max(len(first), len(second)) {
		if i < len(first) {
			turns = append(turns, first[i])
		}
		if i < len(second) {
			turns = append(turns, second[i])
		}
	}
	return turns
}

func (s *Station) attempt(ctx context.Context, local, remote netip.AddrPort) (*netstack.Conn, error) {
	if remote.Port() == 0 {
		return nil, fmt.Errorf("a stream is connected to a port from 1 to 65535: %w", unix.EADDRNOTAVAIL)
	}
	if err := s.config.Reachable(remote.Addr()); err != nil {
		return nil, err
	}
	return s.config.Network.DialTCP(ctx, local, remote)
}

// race tries addresses until one of them answers, each attemptInterval after the one before, or once all before it have
// failed. The error is that of the first.
func (s *Station) race(ctx context.Context, local netip.AddrPort, addresses []netip.Addr, port uint16) (*netstack.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		index int
		conn  *netstack.Conn
		err   error
	}
	outcomes := make(chan outcome, len(addresses))
	errs := make([]error, len(addresses))
	next, running := 0, 0
	begin := func() {
		index := next
		next++
		running++
		go func() {
			conn, err := s.attempt(ctx, local, netip.AddrPortFrom(addresses[index], port))
			outcomes <- outcome{index, conn, err}
		}()
	}
	begin()
	ticker := time.NewTicker(attemptInterval)
	defer ticker.Stop()
	for running > 0 {
		select {
		case <-ticker.C:
			if next < len(addresses) {
				begin()
			}
		case one := <-outcomes:
			running--
			if one.err == nil {
				cancel()
				// An attempt that was faster than its end is not wanted. Each one ends at once now.
				for range running {
					if late := <-outcomes; late.err == nil {
						_ = late.conn.Abort() // never used
					}
				}
				return one.conn, nil
			}
			errs[one.index] = one.err
			if running == 0 && next < len(addresses) && ctx.Err() == nil {
				begin()
				ticker.Reset(attemptInterval)
			}
		}
	}
	return nil, errs[0]
}
