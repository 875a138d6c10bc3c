package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"wg-bridge/go/accepting"
	"wg-bridge/go/backoff"
)

// DefaultMaxConnections is how many connections of clients a proxy holds by default.
const DefaultMaxConnections = 10_000

// An Acceptor accepts a proxy's connections.
type Acceptor struct {
	Listener net.Listener
	Max      int // connections at the same time; 0: DefaultMaxConnections
	Stats    *Stats
	Errorf   func(format string, arguments ...any)
}

// Serve calls handle in a goroutine of its own for each connection, which it closes afterwards. When the listener is
// closed, it waits until all have returned, and returns nil. The end of ctx closes the listener and resets all connections.
// A connection beyond the limit is closed at once. If descriptors or memory are short, it waits until they are not.
func (a *Acceptor) Serve(ctx context.Context, handle func(context.Context, net.Conn)) error {
	listener := Limited(a.Listener, a.Max, a.Stats, a.Errorf)
	defer listener.Close()
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		running.Go(func() {
			defer a.Stats.Close()
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { _ = Abort(conn) })()
			handle(ctx, conn)
		})
	}
}

// Limited returns a patient listener that closes connections at once if limit of them are open; 0 is
// DefaultMaxConnections. Whoever has accepted a connection calls stats.Close once it has ended. One goroutine may accept.
func Limited(listener net.Listener, limit int, stats *Stats, errorf func(format string, arguments ...any)) net.Listener {
	if limit == 0 {
		limit = DefaultMaxConnections
	}
	return &limitedListener{Listener: Patient(listener, errorf), limit: limit, stats: stats, errorf: errorf}
}

type limitedListener struct {
	net.Listener
	limit   int
	stats   *Stats
	errorf  func(format string, arguments ...any)
	refused int // in a row
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.stats.Admit(int64(l.limit)) {
			l.refused = 0
			return conn, nil
		}
		if l.refused++; backoff.ShouldLog(l.refused) {
			l.errorf("%v: closed a connection at once: %d are open, which is the limit", l.Addr(), l.limit)
		}
		_ = Abort(conn)
	}
}

// Patient returns a listener whose Accept does not fail for want of descriptors or memory, nor because a client has
// gone, but waits and tries again.
func Patient(listener net.Listener, errorf func(format string, arguments ...any)) net.Listener {
	stop := make(chan struct{})
	log := accepting.Log{Verbosef: errorf, Errorf: errorf}
	what := fmt.Sprintf("The listener at %v", listener.Addr())
	return &patientListener{listener, accepting.NewPatient(listener, what, log, stop), sync.OnceFunc(func() { close(stop) })}
}

type patientListener struct {
	net.Listener
	patient *accepting.Patient
	stop    func()
}

func (l *patientListener) Accept() (net.Conn, error) { return l.patient.Accept() }

func (l *patientListener) Close() error {
	l.stop()
	return l.Listener.Close()
}
