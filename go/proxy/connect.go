package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"wg-bridge/go/resolve"
)

const (
	// connectTimeout limits the look-up of a name and all attempts to connect together.
	connectTimeout = 30 * time.Second
	// attemptDelay is how long an attempt may take until the next address is tried beside it, as Node.js does it.
	attemptDelay = 250 * time.Millisecond
)

// Keep-alive probes find a peer that has vanished after five minutes. Shorter absences, such as a restart of its
// tunnel, must not end an idle connection.
const (
	keepAliveIdle     = 2 * time.Minute
	keepAliveInterval = 30 * time.Second
	keepAliveCount    = 6
)

// A Connector connects to targets by name or address.
type Connector struct {
	Dialer   Dialer
	Resolver Resolver
	Family   resolve.Family // which addresses of names to use: those of the families that the tunnel has
	Allowed  *Allowed       // nil: every target
	Timeout  time.Duration  // 0: 30 s
}

// Connect connects to a target. It tries the addresses of a name one after another, alternating between the families,
// and begins with the next one if an attempt fails or takes longer than 250 ms. ReasonOf classifies the error.
func (c *Connector) Connect(ctx context.Context, target Target) (net.Conn, error) {
	if err := target.check(); err != nil {
		return nil, fmt.Errorf("connecting to %v: %w", target, err)
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = connectTimeout
	}
	late := &lateError{target, timeout}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	addresses, err := c.Lookup(ctx, target.Host)
	if err != nil {
		if errors.Is(context.Cause(ctx), late) {
			return nil, late
		}
		return nil, err // It names what was looked up.
	}
	conn, err := c.race(ctx, alternate(addresses), target.Port)
	if err != nil {
		if errors.Is(context.Cause(ctx), late) {
			return nil, late
		}
		return nil, err
	}
	if quiet, ok := conn.(interface {
		SetKeepAlive(idle, interval time.Duration, count int) error
	}); ok {
		_ = quiet.SetKeepAlive(keepAliveIdle, keepAliveInterval, keepAliveCount) // Otherwise an idle peer's end is seen late.
	}
	return conn, nil
}

// Lookup returns the addresses of a host that clients may reach. One that is an address itself is not looked up.
func (c *Connector) Lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil && address.Zone() == "" {
		if err := c.Allowed.CheckAddress(address); err != nil {
			return nil, err
		}
		return []netip.Addr{address.Unmap()}, nil
	}
	return c.Allowed.lookup(ctx, c.Resolver, host, c.Family)
}

// A lateError says that a target has not answered in time.
type lateError struct {
	target  Target
	timeout time.Duration
}

func (e *lateError) Error() string {
	return fmt.Sprintf("connecting to %v: no answer within %v", e.target, e.timeout)
}

func (e *lateError) Unwrap() error { return syscall.ETIMEDOUT }

func (e *lateError) Timeout() bool { return true }

// alternate reorders addresses so that those of the two families take turns, and the first stays first.
func alternate(addresses []netip.Addr) []netip.Addr {
	if len(addresses) == 0 {
		return nil
	}
	var same, other []netip.Addr
	for _, address := range addresses {
		if address.Is4() == addresses[0].Is4() {
			same = append(same, address)
		} else {
			other = append(other, address)
		}
	}
	ordered := make([]netip.Addr, 0, len(addresses))
	for i := range max(len(same), len(other)) {
		if i < len(same) {
			ordered = append(ordered, same[i])
		}
		if i < len(other) {
			ordered = append(ordered, other[i])
		}
	}
	return ordered
}

// race connects to the first of the addresses that answers.
func (c *Connector) race(ctx context.Context, addresses []netip.Addr, port uint16) (net.Conn, error) {
	if len(addresses) == 1 {
		return c.Dialer.DialTCP(ctx, netip.AddrPortFrom(addresses[0], port))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		index int
		conn  net.Conn
		err   error
	}
	results := make(chan result)
	failures := make([]error, len(addresses))
	begun, pending := 0, 0
	begin := func() {
		index := begun
		begun, pending = begun+1, pending+1
		go func() {
			conn, err := c.Dialer.DialTCP(ctx, netip.AddrPortFrom(addresses[index], port))
			results <- result{index, conn, err}
		}()
	}
	begin()
	delay := time.NewTimer(attemptDelay)
	defer delay.Stop()
	for pending > 0 {
		next := delay.C
		if begun == len(addresses) {
			next = nil
		}
		select {
		case <-next:
			begin()
			delay.Reset(attemptDelay)
		case done := <-results:
			pending--
			if done.err == nil {
				// The losers are cancelled; one that connects nevertheless is closed.
				go func() {
					for range pending {
						if late := <-results; late.err == nil {
							_ = Abort(late.conn)
						}
					}
				}()
				return done.conn, nil
			}
			failures[done.index] = done.err
			if begun < len(addresses) && ctx.Err() == nil {
				begin()
				delay.Reset(attemptDelay)
			}
		}
	}
	return nil, joined(failures)
}

// joined returns all failures as one, or the one failure that is there.
func joined(failures []error) error {
	var met []error
	for _, err := range failures {
		if err != nil {
			met = append(met, err)
		}
	}
	if len(met) == 1 {
		return met[0]
	}
	return &severalError{met}
}

// A severalError is why none of several addresses could be connected to. Its errno is the first address's.
type severalError struct{ errs []error }

func (e *severalError) Error() string {
	texts := make([]string, len(e.errs))
	for i, err := range e.errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e *severalError) Unwrap() []error { return e.errs }
