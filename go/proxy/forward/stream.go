// Package forward joins two addresses: what comes to one goes to the other. A forward leads from this machine to a
// target in the tunnel, an exposed port from the tunnel to a target on this machine. Both are the same here: a listener
// on one side, and a function that opens the other.
package forward

import (
	"context"
	"net"

	"wg-bridge/go/proxy"
)

// Config is what a forward needs besides its listener.
type Config struct {
	Name   string       // what errors and the log call it, such as "127.0.0.1:8080 to 10.0.0.1:80"
	Stats  *proxy.Stats // nil: not counted
	Max    int          // connections at the same time; 0: proxy.DefaultMaxConnections
	Logf   func(format string, arguments ...any)
	Errorf func(format string, arguments ...any)
}

func (c Config) withDefaults() Config {
	quiet := func(string, ...any) {}
	if c.Logf == nil {
		c.Logf = quiet
	}
	if c.Errorf == nil {
		c.Errorf = quiet
	}
	if c.Stats == nil {
		c.Stats = new(proxy.Stats)
	}
	return c
}

// Connect opens a connection to where a forward leads.
type Connect func(ctx context.Context) (net.Conn, error)

// IntoTunnel returns a Connect for a target in the tunnel.
func IntoTunnel(connector *proxy.Connector, target proxy.Target) Connect {
	return func(ctx context.Context) (net.Conn, error) { return connector.Connect(ctx, target) }
}

// Serve joins each connection that a listener accepts to one that connect opens, until the listener is closed, and
// returns once all have ended. If connect fails, the client's connection is reset. The end of ctx closes the listener
// and resets all connections.
func Serve(ctx context.Context, listener net.Listener, connect Connect, config Config) error {
	config = config.withDefaults()
	acceptor := &proxy.Acceptor{Listener: listener, Max: config.Max, Stats: config.Stats, Errorf: config.Errorf}
	return acceptor.Serve(ctx, func(ctx context.Context, client net.Conn) {
		target, err := connect(ctx)
		if err != nil {
			if ctx.Err() == nil {
				config.Stats.Fail()
				config.Logf("forward %s: for %v: %v", config.Name, client.RemoteAddr(), err)
			}
			_ = proxy.Abort(client)
			return
		}
		config.Logf("forward %s: for %v: connected", config.Name, client.RemoteAddr())
		proxy.Relay(ctx, client, target, config.Stats)
	})
}
