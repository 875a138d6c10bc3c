// Package socks5 is a SOCKS5 proxy into a tunnel: CONNECT, BIND and UDP ASSOCIATE of RFC 1928, and the user name and
// password of RFC 1929. Names are looked up inside the tunnel.
//
// The protocol's messages are read and written here, since each takes a few lines, and what they share with a library
// would be those lines alone: time limits for the handshake, replies by errno, mappings that do not depend on the
// target, and BIND have to surround them.
package socks5

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"wg-bridge/go/proxy"
	"wg-bridge/go/resolve"
)

const (
	// handshakeTimeout is how long a client may take for everything up to its request.
	handshakeTimeout = 10 * time.Second
	// maxAssociations is how many BIND and UDP ASSOCIATE requests may run at the same time.
	maxAssociations = 256
)

// A PacketListener opens the UDP sockets to which clients send, at an address of this machine.
type PacketListener interface {
	ListenPacket(local netip.AddrPort) (proxy.PacketConn, error)
}

// Config is what a proxy needs.
type Config struct {
	Network  proxy.Network
	Resolver proxy.Resolver
	Family   resolve.Family // which addresses of names to use
	Allowed  *proxy.Allowed // nil: every target
	// Relays opens a socket for each UDP ASSOCIATE. If it is nil, the proxy refuses them.
	Relays PacketListener
	Users  *proxy.Users                          // none required: whoever can connect may use the proxy
	Stats  *proxy.Stats                          // nil: not counted
	Max    int                                   // connections at the same time; 0: proxy.DefaultMaxConnections
	Logf   func(format string, arguments ...any) // verbose: names clients and targets
	Errorf func(format string, arguments ...any)
}

// Serve serves a listener until it is closed, and returns once all connections have ended. The end of ctx closes the
// listener and resets all connections.
func Serve(ctx context.Context, listener net.Listener, config Config) error {
	s := &server{Config: config, associations: make(chan struct{}, maxAssociations)}
	quiet := func(string, ...any) {}
	if s.Logf == nil {
		s.Logf = quiet
	}
	if s.Errorf == nil {
		s.Errorf = quiet
	}
	if s.Stats == nil {
		s.Stats = new(proxy.Stats)
	}
	s.connector = &proxy.Connector{Dialer: s.Network, Resolver: s.Resolver, Family: s.Family, Allowed: s.Allowed}
	acceptor := &proxy.Acceptor{Listener: listener, Max: s.Max, Stats: s.Stats, Errorf: s.Errorf}
	return acceptor.Serve(ctx, s.serve)
}

type server struct {
	Config
	connector    *proxy.Connector
	associations chan struct{} // one for each that runs
}

// serve serves one client.
func (s *server) serve(ctx context.Context, conn net.Conn) {
	wanted, err := s.handshake(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("it has sent no whole request within %v", handshakeTimeout)
	}
	if err != nil {
		s.Logf("socks5: %v: %v", conn.RemoteAddr(), err)
		return
	}
	switch wanted.command {
	case commandConnect:
		s.connect(ctx, conn, wanted.target)
	case commandBind:
		s.bind(ctx, conn, wanted.target)
	case commandAssociate:
		s.associate(ctx, conn)
	default:
		s.refuse(conn, replyUnknownCommand, fmt.Errorf("it asks for command %d", wanted.command))
	}
}

// handshake reads everything up to the request.
func (s *server) handshake(conn net.Conn) (request, error) {
	if err := conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return request{}, err
	}
	methods, err := readMethods(conn)
	var stranger *versionError
	if errors.As(err, &stranger) {
		if answer := stranger.answer(); answer != nil {
			if _, err := conn.Write(answer); err == nil {
				proxy.CloseGently(conn)
			}
		}
		return request{}, err
	}
	if err != nil {
		return request{}, fmt.Errorf("reading the greeting: %w", err)
	}
	if err := s.authenticate(conn, methods); err != nil {
		return request{}, err
	}
	wanted, err := readRequest(conn)
	var wrong *protocolError
	if errors.As(err, &wrong) {
		s.refuse(conn, wrong.reply, err)
	}
	if err != nil {
		return request{}, fmt.Errorf("reading the request: %w", err)
	}
	return wanted, conn.SetDeadline(time.Time{})
}

// authenticate lets the client prove who it is, if the proxy has users.
func (s *server) authenticate(conn net.Conn, methods []byte) error {
	method := byte(methodRefused)
	required := s.Users.Required()
	switch {
	case required && bytes.IndexByte(methods, methodPassword) >= 0:
		method = methodPassword
	case required:
	case bytes.IndexByte(methods, methodNone) >= 0:
		method = methodNone
	case bytes.IndexByte(methods, methodPassword) >= 0:
		method = methodPassword // A client that has a password set is not refused for want of a need for it.
	}
	if _, err := conn.Write([]byte{version, method}); err != nil {
		return fmt.Errorf("answering the greeting: %w", err)
	}
	switch method {
	case methodNone:
		return nil
	case methodRefused:
		if required {
			s.Stats.Deny()
		}
		proxy.CloseGently(conn)
		return errors.New("it offers no way to prove who it is that the proxy accepts")
	}
	user, password, err := readCredentials(conn)
	if err != nil {
		return fmt.Errorf("reading the user name and password: %w", err)
	}
	if required && !s.Users.Admit(user, password) {
		s.Stats.Deny()
		if _, err := conn.Write([]byte{passwordVersion, 1}); err == nil {
			proxy.CloseGently(conn)
		}
		return errors.New("the user name or password is wrong")
	}
	if _, err := conn.Write([]byte{passwordVersion, 0}); err != nil {
		return fmt.Errorf("accepting the password: %w", err)
	}
	return nil
}

// answer sends a reply.
func (s *server) answer(conn net.Conn, result reply, address netip.AddrPort) error {
	_, err := conn.Write(appendAddress([]byte{version, byte(result), 0}, address))
	return err
}

// refuse sends a reply that ends the connection.
func (s *server) refuse(conn net.Conn, result reply, reason error) {
	s.Logf("socks5: %v: answered with %d: %v", conn.RemoteAddr(), result, reason)
	if s.answer(conn, result, netip.AddrPort{}) == nil {
		proxy.CloseGently(conn)
	}
}

// connect serves CONNECT.
func (s *server) connect(ctx context.Context, conn net.Conn, target proxy.Target) {
	watched, stop := watch(ctx, conn)
	stream, err := s.connector.Connect(watched, target)
	client, isGone := stop()
	switch {
	case err != nil && proxy.ReasonOf(err) == proxy.Abandoned:
		s.Logf("socks5: %v: hung up before it was connected to %v", conn.RemoteAddr(), target)
	case err != nil:
		s.Stats.Fail()
		s.refuse(conn, replyTo(err), err)
	case isGone || s.answer(conn, replySucceeded, addrPort(stream.LocalAddr())) != nil:
		_ = proxy.Abort(stream)
	default:
		s.Logf("socks5: %v: connected to %v", conn.RemoteAddr(), target)
		proxy.Relay(ctx, client, stream, s.Stats)
	}
}

// addrPort returns an address of a connection of IP, or the zero value.
func addrPort(address net.Addr) netip.AddrPort {
	ip, ok := address.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.AddrPort{}
	}
	known := ip.AddrPort()
	return netip.AddrPortFrom(known.Addr().Unmap(), known.Port())
}
