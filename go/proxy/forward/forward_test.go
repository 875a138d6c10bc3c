package forward_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/forward"
	"wg-bridge/go/proxy/proxytest"
)

var (
	own4  = netip.MustParseAddr("10.0.0.2")
	host4 = netip.MustParseAddr("10.0.0.9")
	local = netip.MustParseAddr("127.0.0.1")
)

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Errorf("writing %q: %v", text, err)
	}
}

func expect(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if length, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Errorf("read %q, %v, want %q", got[:length], err, text)
	}
}

func expectEnd(t *testing.T, conn net.Conn, want error) {
	t.Helper()
	length, err := conn.Read(make([]byte, 1))
	if length != 0 || !errors.Is(err, want) {
		t.Errorf("read %d bytes and %v, want %v", length, err, want)
	}
}

func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tunnel, machine, stats := proxytest.New(own4), proxytest.New(local), new(proxy.Stats)
		target, err := tunnel.ListenTCP(netip.AddrPortFrom(host4, 80), 1)
		if err != nil {
			t.Fatal(err)
		}
		listener, err := machine.ListenTCP(netip.AddrPortFrom(local, 8080), 1)
		if err != nil {
			t.Fatal(err)
		}
		connector := &proxy.Connector{Dialer: tunnel, Resolver: proxytest.Names{"www.example": {host4}}}
		var serving sync.WaitGroup
		serving.Go(func() {
			connect := forward.IntoTunnel(connector, proxy.Target{Host: "www.example", Port: 80})
			if err := forward.Serve(context.Background(), listener, connect, forward.Config{Stats: stats}); err != nil {
				t.Error(err)
			}
		})
		client, err := machine.DialFrom(context.Background(), local, netip.AddrPortFrom(local, 8080))
		if err != nil {
			t.Fatal(err)
		}
		server, err := target.Accept()
		if err != nil {
			t.Fatal(err)
		}
		say(t, server, "greeting")
		expect(t, client, "greeting")
		say(t, client, "question")
		client.CloseWrite()
		expect(t, server, "question")
		expectEnd(t, server, io.EOF)
		say(t, server, "answer")
		server.Close()
		expect(t, client, "answer")
		expectEnd(t, client, io.EOF)
		target.Close()
		refused, err := machine.DialFrom(context.Background(), local, netip.AddrPortFrom(local, 8080))
		if err != nil {
			t.Fatal(err)
		}
		expectEnd(t, refused, syscall.ECONNRESET)
		listener.Close()
		serving.Wait()
		if got := stats.Snapshot(); got.Accepted != 2 || got.Failed != 1 || got.Sent != 8 || got.Received != 14 || got.Active != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

// A lab is a forward of datagrams.
type lab struct {
	t               *testing.T
	tunnel, machine *proxytest.Network
	front           netip.AddrPort
	server          *party
	stats           *proxy.Stats
	cancel          context.CancelFunc
}

type party struct {
	t *testing.T
	*proxytest.PacketConn
}

func newParty(t *testing.T, network *proxytest.Network, address netip.AddrPort) *party {
	t.Helper()
	conn, err := network.HostUDP(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &party{t, conn}
}

func (p *party) send(text string, to netip.AddrPort) {
	p.t.Helper()
	if _, err := p.WriteToAddrPort([]byte(text), to); err != nil {
		p.t.Errorf("sending to %v: %v", to, err)
	}
}

// expect waits at most a second of the bubble for a datagram, and returns where it comes from.
func (p *party) expect(want string) netip.AddrPort {
	p.t.Helper()
	if err := p.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		p.t.Fatal(err)
	}
	buffer := make([]byte, 2048)
	length, from, err := p.ReadFromAddrPort(buffer)
	if err != nil || string(buffer[:length]) != want {
		p.t.Errorf("received %q from %v, %v, want %q", buffer[:length], from, err, want)
	}
	return from
}

func (p *party) expectNothing() {
	p.t.Helper()
	synctest.Wait()
	if err := p.SetReadDeadline(time.Now()); err != nil {
		p.t.Fatal(err)
	}
	buffer := make([]byte, 2048)
	if length, from, err := p.ReadFromAddrPort(buffer); err == nil {
		p.t.Errorf("received %q from %v, want nothing", buffer[:length], from)
	}
}

func newLab(t *testing.T, host string, change func(forward.Open) forward.Open) *lab {
	t.Helper()
	l := &lab{t: t, tunnel: proxytest.New(own4), machine: proxytest.New(local), stats: new(proxy.Stats)}
	l.server = newParty(t, l.tunnel, netip.AddrPortFrom(host4, 53))
	l.front = netip.AddrPortFrom(local, 5353)
	front, err := l.machine.HostUDP(l.front)
	if err != nil {
		t.Fatal(err)
	}
	connector := &proxy.Connector{Dialer: l.tunnel, Resolver: proxytest.Names{"dns.example": {host4}}}
	open := forward.IntoTunnelUDP(l.tunnel, connector, proxy.Target{Host: host, Port: 53})
	if change != nil {
		open = change(open)
	}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := forward.ServeDatagrams(ctx, front, open, forward.Config{Stats: l.stats}); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		l.cancel()
		serving.Wait()
		if got := l.stats.Snapshot(); got.Active != 0 {
			t.Errorf("%d clients are left", got.Active)
		}
		for _, address := range l.tunnel.Bound() {
			l.expectClosed(address)
		}
		l.cancel()
	})
	return l
}

func (l *lab) expectClosed(address netip.AddrPort) {
	l.t.Helper()
	conn, err := l.tunnel.HostUDP(address)
	if err != nil {
		l.t.Errorf("%v is still open: %v", address, err)
		return
	}
	conn.Close()
}

func (l *lab) client() *party { return newParty(l.t, l.machine, netip.AddrPortFrom(local, 0)) }

func TestDatagramsOfEachClientHaveTheirSocket(t *testing.T) {
	for _, host := range []string{"10.0.0.9", "dns.example"} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, host, nil)
			first, second := l.client(), l.client()
			first.send("a", l.front)
			firstMapped := l.server.expect("a")
			second.send("b", l.front)
			secondMapped := l.server.expect("b")
			if firstMapped == secondMapped {
				t.Error("two clients share a socket")
			}
			l.server.send("for the second", secondMapped)
			l.server.send("for the first", firstMapped)
			first.expect("for the first")
			if from := second.expect("for the second"); from != l.front {
				t.Errorf("answered from %v", from)
			}
			first.send("", l.front) // An empty datagram is one.
			if again := l.server.expect(""); again != firstMapped {
				t.Errorf("the first comes from %v, then from %v", firstMapped, again)
			}
			// Only the target may answer.
			stranger := newParty(t, l.tunnel, netip.AddrPortFrom(host4, 54))
			stranger.send("c", firstMapped)
			first.expectNothing()
			if got := l.stats.Snapshot(); got.DatagramsSent != 3 || got.DatagramsReceived != 2 || got.Active != 2 {
				t.Errorf("counted %+v", got)
			}
		})
	}
}

func TestIdleClientsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, "10.0.0.9", nil)
		quiet, listening := l.client(), l.client()
		quiet.send("a", l.front)
		quietMapped := l.server.expect("a")
		listening.send("b", l.front)
		mapped := l.server.expect("b")
		for range 3 {
			time.Sleep(4 * time.Minute)
			l.server.send("c", mapped) // Traffic of one direction is enough.
			listening.expect("c")
		}
		l.expectClosed(quietMapped)
		quiet.send("d", l.front)
		if l.server.expect("d") == quietMapped {
			t.Error("the old socket is used again")
		}
		time.Sleep(5*time.Minute + 30*time.Second)
		synctest.Wait()
		if got := l.stats.Snapshot(); got.Active != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestTheQuietestClientEndsForANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, "10.0.0.9", nil)
		var mapped []netip.AddrPort
		first := l.client()
		for i := range 1025 {
			client := first
			if i > 0 {
				client = l.client()
			}
			client.send("a", l.front)
			mapped = append(mapped, l.server.expect("a"))
			if i == 1000 {
				l.server.send("b", mapped[0]) // no longer the quietest
				first.expect("b")
			}
		}
		synctest.Wait()
		l.expectClosed(mapped[1])
		l.server.send("c", mapped[0])
		first.expect("c")
		if got := l.stats.Snapshot(); got.Active != 1024 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestDatagramsWaitForTheirSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := newLab(t, "10.0.0.9", func(open forward.Open) forward.Open {
			return func(ctx context.Context) (forward.Socket, error) {
				<-release
				return open(ctx)
			}
		})
		client := l.client()
		for i := range 18 {
			client.send(fmt.Sprint(i), l.front)
		}
		synctest.Wait()
		close(release)
		for i := range 16 {
			l.server.expect(fmt.Sprint(i))
		}
		l.server.expectNothing()
		if got := l.stats.Snapshot(); got.DatagramsDropped != 2 || got.DatagramsSent != 16 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestAClientWithoutATargetIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		isThere := false
		l := newLab(t, "10.0.0.9", func(open forward.Open) forward.Open {
			return func(ctx context.Context) (forward.Socket, error) {
				if !isThere {
					return nil, syscall.EHOSTUNREACH
				}
				return open(ctx)
			}
		})
		client := l.client()
		client.send("lost", l.front)
		synctest.Wait()
		isThere = true
		client.send("a", l.front)
		l.server.expect("a")
		if got := l.stats.Snapshot(); got.Failed != 1 || got.DatagramsDropped != 1 {
			t.Errorf("counted %+v", got)
		}
	})
}
