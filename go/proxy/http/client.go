package http

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"wg-bridge/go/proxy"
)

const (
	maxIdleTargets     = 16 // connections to targets that a client's connection keeps for its next requests
	idleTargetTimeout  = 90 * time.Second
	maxResponseHeader  = 1 << 20
	continueTimeout    = time.Second // for a target's word that it wants the body
	readFromTargetSize = 16 << 10
)

// A client is one connection of a client. Its connections to targets are its own: some schemes authenticate the
// connection, so sharing it would give one client another's rights.
type client struct {
	conn  net.Conn
	proxy context.Context // of the whole proxy

	once      sync.Once
	transport *http.Transport // nil until the first request that is not CONNECT

	mu       sync.Mutex
	hijacked bool
}

type clientKey struct{}

func clientOf(request *http.Request) *client { return request.Context().Value(clientKey{}).(*client) }

// register makes a connection's client part of the context of its requests.
func (s *server) register(ctx context.Context, conn net.Conn) context.Context {
	c := &client{conn: conn, proxy: ctx}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[conn] = c
	return context.WithValue(ctx, clientKey{}, c)
}

// follow follows a connection from its beginning to its end.
func (s *server) follow(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
	case http.StateHijacked:
		s.mu.Lock()
		c := s.clients[conn]
		s.mu.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.hijacked = true // The request that has taken it over says when it ends.
	case http.StateClosed:
		s.forget(conn)
	}
}

// forget ends what belongs to a client.
func (s *server) forget(conn net.Conn) {
	s.mu.Lock()
	c := s.clients[conn]
	delete(s.clients, conn)
	s.mu.Unlock()
	s.Stats.Close()
	defer s.open.Done()
	c.once.Do(func() {}) // No transport is made from now on.
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

func (c *client) isHijacked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hijacked
}

// A connectError is why a target was not connected to.
type connectError struct{ err error }

func (e *connectError) Error() string { return e.err.Error() }

func (e *connectError) Unwrap() error { return e.err }

// transportOf returns what sends a client's requests on.
func (s *server) transportOf(c *client) *http.Transport {
	c.once.Do(func() {
		c.transport = &http.Transport{
			Proxy: nil, // Neither is the environment of this machine asked for one.
			DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				target, err := proxy.ParseTarget(address)
				if err != nil {
					return nil, err
				}
				conn, err := s.connector.Connect(ctx, target)
				if err != nil {
					return nil, &connectError{err}
				}
				return s.Stats.Count(conn), nil
			},
			DisableCompression:     true, // The client decides about it.
			MaxIdleConns:           maxIdleTargets,
			MaxConnsPerHost:        1, // A client's requests follow each other.
			IdleConnTimeout:        idleTargetTimeout,
			ExpectContinueTimeout:  continueTimeout,
			MaxResponseHeaderBytes: maxResponseHeader,
			ReadBufferSize:         readFromTargetSize,
		}
	})
	return c.transport
}
