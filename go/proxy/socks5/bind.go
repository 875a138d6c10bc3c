package socks5

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"wg-bridge/go/proxy"
)

// bindTimeout is how long BIND waits for the connection.
const bindTimeout = 2 * time.Minute

var errBusy = fmt.Errorf("%d BIND and UDP ASSOCIATE requests run already, which is the limit", maxAssociations)

// bind serves BIND: it listens at the tunnel's address for one connection, which the target of the request opens. If
// that is 0.0.0.0 or ::, anybody in the tunnel may.
func (s *server) bind(ctx context.Context, conn net.Conn, target proxy.Target) {
	select {
	case s.associations <- struct{}{}:
		defer func() { <-s.associations }()
	default:
		s.Errorf("socks5: refused a client: %v", errBusy)
		s.refuse(conn, replyFailed, errBusy)
		return
	}
	peers, err := s.connector.Lookup(ctx, target.Host)
	if err != nil {
		s.Stats.Fail()
		s.refuse(conn, replyTo(err), err)
		return
	}
	listener, err := s.listen(peers)
	if err != nil {
		s.Stats.Fail()
		s.refuse(conn, replyTo(err), err)
		return
	}
	defer listener.Close()
	if s.answer(conn, replySucceeded, addrPort(listener.Addr())) != nil {
		return
	}
	s.Logf("socks5: %v: listens at %v for %v", conn.RemoteAddr(), listener.Addr(), target.Host)

	watched, stop := watch(ctx, conn)
	stream, err := acceptFrom(watched, listener, peers)
	client, isGone := stop()
	_ = listener.Close() // One connection is all that may come.
	switch {
	case isGone && err == nil:
		_ = proxy.Abort(stream)
	case isGone:
	case err != nil:
		s.Stats.Fail()
		s.refuse(conn, replyTo(err), err)
	case s.answer(conn, replySucceeded, addrPort(stream.RemoteAddr())) != nil:
		_ = proxy.Abort(stream)
	default:
		s.Logf("socks5: %v: %v has connected", conn.RemoteAddr(), stream.RemoteAddr())
		proxy.Relay(ctx, client, stream, s.Stats)
	}
}

// listen opens a listener at the tunnel's address that the first possible peer sees.
func (s *server) listen(peers []netip.Addr) (net.Listener, error) {
	var first error
	candidates := peers
	if len(peers) == 1 && peers[0] == netip.IPv4Unspecified() {
		candidates = append(candidates, netip.IPv6Unspecified()) // Clients that do not care write 0.0.0.0.
	}
	for _, peer := range candidates {
		local, err := s.Network.Source(peer)
		if err == nil {
			var listener net.Listener
			if listener, err = s.Network.ListenTCP(netip.AddrPortFrom(local, 0), 1); err == nil {
				return listener, nil
			}
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("listening in the tunnel: %w", first)
}

// acceptFrom accepts a connection of one of peers. Others are reset.
func acceptFrom(ctx context.Context, listener net.Listener, peers []netip.Addr) (net.Conn, error) {
	late := fmt.Errorf("nobody has connected within %v: %w", bindTimeout, syscall.ETIMEDOUT)
	ctx, cancel := context.WithTimeoutCause(ctx, bindTimeout, late)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	for {
		stream, err := listener.Accept()
		switch {
		case errors.Is(context.Cause(ctx), late):
			if err == nil {
				_ = proxy.Abort(stream)
			}
			return nil, late
		case err != nil:
			return nil, fmt.Errorf("accepting in the tunnel: %w", err)
		}
		from := addrPort(stream.RemoteAddr()).Addr()
		if slices.ContainsFunc(peers, func(peer netip.Addr) bool { return peer.IsUnspecified() || peer == from }) {
			return stream, nil
		}
		_ = proxy.Abort(stream)
	}
}
