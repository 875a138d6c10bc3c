package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/proxytest"
)

// A journal keeps what was logged.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) log(format string, arguments ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, arguments...))
}

func (j *journal) all() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

func dial(t *testing.T, network *proxytest.Network, to net.Listener) *proxytest.Conn {
	t.Helper()
	conn, err := network.DialFrom(context.Background(), own4, to.Addr().(*net.TCPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// echo answers with what it gets.
func echo(_ context.Context, conn net.Conn) { _, _ = io.Copy(conn, conn) }

func TestConnectionsBeyondTheLimitAreClosedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := proxytest.New(own4)
		listener := listen(t, network, host4)
		var log journal
		acceptor := &proxy.Acceptor{Listener: listener, Max: 2, Stats: new(proxy.Stats), Errorf: log.log}
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := acceptor.Serve(context.Background(), echo); err != nil {
				t.Error(err)
			}
		})
		first, second := dial(t, network, listener), dial(t, network, listener)
		say(t, first, "a")
		expect(t, first, "a")
		for range 3 {
			expectEnd(t, dial(t, network, listener), syscall.ECONNRESET)
		}
		if got := acceptor.Stats.Snapshot(); got.Active != 2 || got.Accepted != 5 || got.Refused != 3 {
			t.Errorf("counted %+v", got)
		}
		if strings.Count(log.all(), "limit") != 1 {
			t.Errorf("logged %q", log.all())
		}
		first.Close()
		synctest.Wait()
		third := dial(t, network, listener)
		say(t, third, "b")
		expect(t, third, "b")
		// Closing the listener ends no connection.
		listener.Close()
		synctest.Wait()
		say(t, second, "c")
		expect(t, second, "c")
		second.Close()
		third.Close()
		serving.Wait()
		if got := acceptor.Stats.Snapshot(); got.Active != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestTheEndOfTheContextResetsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := proxytest.New(own4)
		listener := listen(t, network, host4)
		acceptor := &proxy.Acceptor{Listener: listener, Stats: new(proxy.Stats), Errorf: t.Errorf}
		ctx, cancel := context.WithCancel(context.Background())
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := acceptor.Serve(ctx, echo); err != nil {
				t.Error(err)
			}
		})
		conn := dial(t, network, listener)
		say(t, conn, "a")
		expect(t, conn, "a")
		cancel()
		expectEnd(t, conn, syscall.ECONNRESET)
		serving.Wait()
	})
}

// failing is a listener that fails some times first.
type failing struct {
	net.Listener
	failures []error
}

func (f *failing) Accept() (net.Conn, error) {
	if len(f.failures) > 0 {
		err := f.failures[0]
		f.failures = f.failures[1:]
		return nil, &net.OpError{Op: "accept", Err: err}
	}
	return f.Listener.Accept()
}

func TestAFullDescriptorTableIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := proxytest.New(own4)
		listener := listen(t, network, host4)
		var log journal
		failures := []error{
			syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EMFILE,
		}
		acceptor := &proxy.Acceptor{Listener: &failing{listener, failures}, Stats: new(proxy.Stats), Errorf: log.log}
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := acceptor.Serve(context.Background(), echo); err != nil {
				t.Error(err)
			}
		})
		conn := dial(t, network, listener)
		say(t, conn, "a")
		expect(t, conn, "a")
		if strings.Count(log.all(), "tries again") != 1 || !strings.Contains(log.all(), "accepts again") {
			t.Errorf("logged %q", log.all())
		}
		conn.Close()
		listener.Close()
		serving.Wait()

		// The end does not wait for the next try, and another error is the end.
		forever := make([]error, 1000)
		for i := range forever {
			forever[i] = syscall.EMFILE
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		acceptor.Listener = &failing{listener, forever}
		if err := acceptor.Serve(ctx, echo); err != nil {
			t.Error(err)
		}
		acceptor.Listener = &failing{listener, []error{syscall.EINVAL}}
		if err := acceptor.Serve(context.Background(), echo); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
	})
}

func TestTheFirstByteTellsTheProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := proxytest.New(own4)
		listener := listen(t, network, host4)
		socks, http := proxy.Split(listener, t.Errorf)
		for first, part := range map[string]net.Listener{"\x05\x01": socks, "\x04\x01": socks, "GET": http, "\x16\x03": http} {
			conn := dial(t, network, listener)
			say(t, conn, first)
			accepted, err := part.Accept()
			if err != nil {
				t.Fatal(err)
			}
			expect(t, accepted, first)
			say(t, accepted, "answer")
			expect(t, conn, "answer")
			accepted.Close()
		}
		// Silence is no protocol, and holds up nobody else.
		silent, begin := dial(t, network, listener), time.Now()
		expectEnd(t, silent, io.EOF)
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("a silent client has %v", took)
		}
		// A part that is closed takes nobody; the other goes on.
		http.Close()
		conn := dial(t, network, listener)
		say(t, conn, "GET")
		expectEnd(t, conn, syscall.ECONNRESET)
		if _, err := http.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		undecided := dial(t, network, listener)
		synctest.Wait()
		socks.Close()
		expectEnd(t, undecided, syscall.ECONNRESET)
		if _, err := network.DialFrom(context.Background(), own4, netip.AddrPortFrom(host4, port)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("the listener is still open: %v", err)
		}
	})
}

func TestBothPartsEndWithTheirListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := proxytest.New(own4)
		listener := listen(t, network, host4)
		socks, http := proxy.Split(listener, t.Errorf)
		listener.Close()
		for _, part := range []net.Listener{socks, http} {
			if _, err := part.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
	})
}

func TestRecentForgetsTheOldest(t *testing.T) {
	r := proxy.NewRecent[string, int](2)
	r.Put("a", 1)
	r.Put("b", 2)
	r.Put("a", 3)
	if forgotten, isFull := r.Put("c", 4); !isFull || forgotten != 2 {
		t.Errorf("forgot %v, %v", forgotten, isFull)
	}
	if value, exists := r.Get("a"); !exists || value != 3 {
		t.Errorf("a is %v, %v", value, exists)
	}
	if key, value, exists := r.Oldest(); key != "c" || value != 4 || !exists {
		t.Errorf("the oldest is %v, %v, %v", key, value, exists)
	}
	r.Remove("a")
	r.Remove("c")
	if _, _, exists := r.Oldest(); exists {
		t.Error("something is left")
	}
}
