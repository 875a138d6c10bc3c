// Package http is an HTTP proxy into a tunnel: CONNECT, and every other method on absolute URLs, with keep-alive on
// both sides. Names are looked up inside the tunnel.
//
// It changes nothing in what it passes on but what is meant for the proxy itself: it adds no header of its own, and
// keeps compressed bodies, queries and X-Forwarded headers as they are.
package http

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"wg-bridge/go/proxy"
	"wg-bridge/go/resolve"
)

const (
	headerTimeout = 10 * time.Second // for a request's header
	idleTimeout   = 5 * time.Minute  // between two requests on a connection
	maxHeader     = 64 << 10         // of requests
	realm         = "wg-bridge"
)

// Config is what a proxy needs.
type Config struct {
	Dialer   proxy.Dialer
	Resolver proxy.Resolver
	Family   resolve.Family                        // which addresses of names to use
	Allowed  *proxy.Allowed                        // nil: every target
	Users    *proxy.Users                          // none required: whoever can connect may use the proxy
	Stats    *proxy.Stats                          // nil: not counted
	Max      int                                   // connections at the same time; 0: proxy.DefaultMaxConnections
	Logf     func(format string, arguments ...any) // verbose: names clients and targets
	Errorf   func(format string, arguments ...any)
}

// Serve serves a listener until it is closed, and returns once all connections have ended: those that wait for a
// request end at once. The end of ctx closes the listener and resets all connections.
func Serve(ctx context.Context, listener net.Listener, config Config) error {
	s := &server{Config: config, clients: map[net.Conn]*client{}}
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
	s.connector = &proxy.Connector{Dialer: s.Dialer, Resolver: s.Resolver, Family: s.Family, Allowed: s.Allowed}
	return s.run(ctx, listener)
}

type server struct {
	Config
	connector *proxy.Connector
	open      sync.WaitGroup // the clients' connections

	mu      sync.Mutex
	clients map[net.Conn]*client
}

func (s *server) run(ctx context.Context, listener net.Listener) error {
	web := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(logWriter(s.Logf), "", 0),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       s.register,
		ConnState:         s.follow,
		// OPTIONS * is not for a proxy, and answered like any request that is not.
		DisableGeneralOptionsHandler: true,
	}
	defer context.AfterFunc(ctx, func() { _ = web.Close() })()
	err := web.Serve(proxy.Limited(listener, s.Max, s.Stats, s.Errorf))
	_ = web.Shutdown(ctx) // fails only if ctx ends, and then everything is closed
	s.open.Wait()
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("accepting connections: %w", err)
}

// logWriter writes what the standard library logs, one line each time.
type logWriter func(format string, arguments ...any)

func (w logWriter) Write(line []byte) (int, error) {
	w("http: %s", strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}
