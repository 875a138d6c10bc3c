package socks5_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wg-bridge/go/proxy/proxytest"
	"wg-bridge/go/proxy/socks5"
	"wg-bridge/go/resolve"
)

// A party is a UDP socket of a test.
type party struct {
	t *testing.T
	*proxytest.PacketConn
}

func newParty(t *testing.T, network *proxytest.Network, address string) *party {
	t.Helper()
	conn, err := network.HostUDP(netip.MustParseAddrPort(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &party{t, conn}
}

func (p *party) send(data []byte, to netip.AddrPort) {
	p.t.Helper()
	if _, err := p.WriteToAddrPort(data, to); err != nil {
		p.t.Errorf("sending to %v: %v", to, err)
	}
}

func (p *party) receive() ([]byte, netip.AddrPort) {
	p.t.Helper()
	if err := p.SetReadDeadline(time.Now().Add(time.Second)); err != nil { // in the bubble
		p.t.Fatal(err)
	}
	buffer := make([]byte, 2048)
	length, from, err := p.ReadFromAddrPort(buffer)
	if err != nil {
		p.t.Helper()
		p.t.Errorf("receiving: %v", err)
	}
	return buffer[:length], from
}

func (p *party) expect(want string) netip.AddrPort {
	p.t.Helper()
	got, from := p.receive()
	if string(got) != want {
		p.t.Errorf("received %q from %v, want %q", got, from, want)
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

// wrap puts the header of SOCKS5 before a payload.
func wrap(target string, payload string) []byte {
	header := []byte(request(0, target))[3:]
	return append(append([]byte{0, 0, 0}, header...), payload...)
}

// associated asks for UDP and returns the connection that keeps it, the relay's address and a client.
func (l *lab) associated() (*proxytest.Conn, netip.AddrPort, *party) {
	l.t.Helper()
	conn := l.greeted()
	code, relay := l.ask(conn, 3, "0.0.0.0:0")
	if code != 0 || relay.Addr() != local || relay.Port() == 0 {
		l.t.Fatalf("answered %d, %v", code, relay)
	}
	return conn, relay, newParty(l.t, l.machine, "127.0.0.1:0")
}

func TestDatagramsGoBothWays(t *testing.T) {
	for _, target := range []string{"10.0.0.9:53", "[fd00::9]:53", "four.example:53"} {
		t.Run(target, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				four, six := newParty(t, l.tunnel, "10.0.0.9:53"), newParty(t, l.tunnel, "[fd00::9]:53")
				_, relay, client := l.associated()
				server, header := four, wrap("10.0.0.9:53", "")
				if target == "[fd00::9]:53" {
					server, header = six, wrap(target, "")
				}
				for i := range 3 {
					client.send(wrap(target, fmt.Sprint("question ", i)), relay)
					from := server.expect(fmt.Sprint("question ", i))
					server.send([]byte(fmt.Sprint("answer ", i)), from)
					client.expect(string(header) + fmt.Sprint("answer ", i))
				}
				synctest.Wait()
				got := l.stats.Snapshot()
				if got.DatagramsSent != 3 || got.DatagramsReceived != 3 || got.Sent != 30 || got.Received != 24 || got.DatagramsDropped != 0 {
					t.Errorf("counted %+v", got)
				}
			})
		})
	}
}

// RFC 4787: all targets see one address, and a target may answer from any of its ports.
func TestTheMappingDoesNotDependOnTheTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		first, second := newParty(t, l.tunnel, "10.0.0.9:3478"), newParty(t, l.tunnel, "10.0.0.77:3478")
		otherPort, stranger := newParty(t, l.tunnel, "10.0.0.9:3479"), newParty(t, l.tunnel, "10.0.0.88:3478")
		_, relay, client := l.associated()
		client.send(wrap("10.0.0.9:3478", "a"), relay)
		mapped := first.expect("a")
		client.send(wrap("10.0.0.77:3478", "b"), relay)
		if again := second.expect("b"); again != mapped {
			t.Errorf("one target sees %v, another %v", mapped, again)
		}
		otherPort.send([]byte("c"), mapped)
		client.expect(string(wrap("10.0.0.9:3479", "c")))
		stranger.send([]byte("d"), mapped)
		client.expectNothing()
		client.send(wrap("10.0.0.88:1", "e"), relay) // From now on, it is no stranger.
		synctest.Wait()
		stranger.send([]byte("f"), mapped)
		client.expect(string(wrap("10.0.0.88:3478", "f")))
		if bound := l.tunnel.Bound(); len(bound) != 1 {
			t.Errorf("bound %v", bound)
		}
	})
}

func TestOnlyTheClientMaySend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		server := newParty(t, l.tunnel, "10.0.0.9:53")
		_, relay, client := l.associated()
		thief := newParty(t, l.machine, "127.0.0.1:0")
		elsewhere := newParty(t, l.machine, "192.168.1.7:4000")
		elsewhere.send(wrap("10.0.0.9:53", "from elsewhere"), relay)
		server.expectNothing()
		client.send(wrap("10.0.0.9:53", "a"), relay)
		mapped := server.expect("a")
		thief.send(wrap("10.0.0.9:53", "from another port"), relay)
		server.expectNothing()
		server.send([]byte("b"), mapped)
		client.expect(string(wrap("10.0.0.9:53", "b")))
		thief.expectNothing()
		if got := l.stats.Snapshot(); got.DatagramsDropped != 2 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestMalformedDatagramsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		server := newParty(t, l.tunnel, "10.0.0.9:53")
		_, relay, client := l.associated()
		fragment := wrap("10.0.0.9:53", "fragment")
		fragment[2] = 1
		malformed := [][]byte{
			nil, {0}, {0, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 3}, {0, 0, 0, 3, 0, 0, 53}, {0, 0, 0, 3, 255, 'a', 0, 53},
			{0, 0, 0, 2, 10, 0, 0, 9, 0, 53}, wrap("10.0.0.9:53", "")[:9], wrap("10.0.0.9:0", "port 0"), fragment,
			wrap("192.0.2.1:53", "unreachable"), wrap("none.example:53", "no such name"),
		}
		for _, data := range malformed {
			client.send(data, relay)
		}
		client.send(wrap("10.0.0.9:53", ""), relay) // An empty one is none of these.
		server.expect("")
		server.expectNothing()
		if got := l.stats.Snapshot(); got.DatagramsDropped != uint64(len(malformed)) || got.DatagramsSent != 1 {
			t.Errorf("counted %+v", got)
		}
	})
}

// slowNames is a resolver that answers when it is released.
type slowNames struct {
	proxytest.Names
	release chan struct{}
}

func (s slowNames) Lookup(ctx context.Context, name string, family resolve.Family) ([]netip.Addr, error) {
	select {
	case <-s.release:
		return s.Names.Lookup(ctx, name, family)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestALookUpHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := slowNames{proxytest.Names{"four.example": {host4}}, make(chan struct{})}
		l := newLab(t, func(config *socks5.Config) { config.Resolver = names })
		server := newParty(t, l.tunnel, "10.0.0.9:53")
		_, relay, client := l.associated()
		for i := range 18 {
			client.send(wrap("four.example:53", fmt.Sprint("waits ", i)), relay)
		}
		client.send(wrap("10.0.0.9:53", "overtakes"), relay)
		server.expect("overtakes")
		close(names.release)
		for i := range 16 {
			server.expect(fmt.Sprint("waits ", i))
		}
		server.expectNothing()
		if got := l.stats.Snapshot(); got.DatagramsDropped != 2 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestLookUpsAreLimitedAndEndWithTheAssociation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := slowNames{proxytest.Names{}, make(chan struct{})}
		l := newLab(t, func(config *socks5.Config) { config.Resolver = names })
		conn, relay, client := l.associated()
		for i := range 40 {
			client.send(wrap(fmt.Sprintf("n%d.example:53", i), "a"), relay)
		}
		synctest.Wait()
		if got := l.stats.Snapshot(); got.DatagramsDropped != 8 {
			t.Errorf("counted %+v", got)
		}
		conn.Close() // ends the look-ups
		synctest.Wait()
		if got := l.stats.Snapshot(); got.Active != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

// The first address of a name may be one that no allowed IP holds.
func TestTheNextAddressIsTriedForDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := proxytest.Names{"www.example": {netip.MustParseAddr("2001:db8::66"), host4}}
		l := newLab(t, func(config *socks5.Config) { config.Resolver = names })
		server := newParty(t, l.tunnel, "10.0.0.9:53")
		_, relay, client := l.associated()
		for _, text := range []string{"a", "b"} {
			client.send(wrap("www.example:53", text), relay)
			server.expect(text)
		}
		synctest.Wait()
		if got := l.stats.Snapshot(); got.DatagramsDropped != 0 || got.DatagramsSent != 2 {
			t.Errorf("counted %+v", got)
		}
	})
}

// expectGone waits until an association has ended, and checks that its sockets have.
func (l *lab) expectGone(relay netip.AddrPort) {
	l.t.Helper()
	synctest.Wait()
	again, err := l.machine.HostUDP(relay)
	if err != nil {
		l.t.Errorf("the relay is open: %v", err)
	} else {
		again.Close()
	}
	for _, address := range l.tunnel.Bound() {
		again, err := l.tunnel.HostUDP(address)
		if err != nil {
			l.t.Errorf("a socket in the tunnel is open: %v", err)
		} else {
			again.Close()
		}
	}
}

func TestAnAssociationEndsWithItsConnection(t *testing.T) {
	for name, end := range map[string]func(l *lab, conn *proxytest.Conn){
		"half-closed": func(_ *lab, conn *proxytest.Conn) { conn.CloseWrite() },
		"reset":       func(_ *lab, conn *proxytest.Conn) { _ = conn.Abort() },
		"proxy ends":  func(l *lab, _ *proxytest.Conn) { l.cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				server := newParty(t, l.tunnel, "10.0.0.9:53")
				conn, relay, client := l.associated()
				client.send(wrap("10.0.0.9:53", "a"), relay)
				server.expect("a")
				end(l, conn)
				l.expectGone(relay)
			})
		})
	}
}

func TestAnIdleAssociationEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		server := newParty(t, l.tunnel, "10.0.0.9:53")
		conn, relay, client := l.associated()
		client.send(wrap("10.0.0.9:53", "a"), relay)
		mapped := server.expect("a")
		time.Sleep(4 * time.Minute)
		server.send([]byte("b"), mapped) // Traffic of one direction is enough.
		client.expect(string(wrap("10.0.0.9:53", "b")))
		begin := time.Now()
		expectEnd(t, conn, io.EOF)
		if quiet := time.Since(begin); quiet != 5*time.Minute {
			t.Errorf("ended after %v", quiet)
		}
		l.expectGone(relay)
	})
}

func TestTargetsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		first := newParty(t, l.tunnel, "10.0.0.9:53")
		_, relay, client := l.associated()
		client.send(wrap("10.0.0.9:53", "a"), relay)
		mapped := first.expect("a")
		for i := range 1024 {
			host := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
			l.tunnel.Add(host)
			client.send(wrap(netip.AddrPortFrom(host, 53).String(), "b"), relay)
			if i%64 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		first.send([]byte("c"), mapped)
		client.expectNothing()
	})
}

func TestAssociationsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		var first *proxytest.Conn
		for i := range 256 {
			conn := l.greeted()
			if code, _ := l.ask(conn, 3, "0.0.0.0:0"); code != 0 {
				t.Fatalf("number %d: answered %d", i, code)
			}
			if first == nil {
				first = conn
			}
		}
		for _, command := range []byte{2, 3} {
			if code, _ := l.ask(l.greeted(), command, "0.0.0.0:0"); code != 1 {
				t.Errorf("answered %d", code)
			}
		}
		first.Close()
		synctest.Wait()
		if code, _ := l.ask(l.greeted(), 3, "0.0.0.0:0"); code != 0 {
			t.Errorf("answered %d", code)
		}
	})
}

func TestWithoutRelaysUDPIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, func(config *socks5.Config) { config.Relays = nil })
		if code, _ := l.ask(l.greeted(), 3, "0.0.0.0:0"); code != 7 {
			t.Errorf("answered %d", code)
		}
	})
}

// FuzzClients sends a client's bytes to a proxy. Whatever they are, it must come to an end, answer only with messages
// of SOCKS5, and open nothing but what the bytes ask for.
func FuzzClients(f *testing.F) {
	f.Add([]byte("\x05\x01\x00" + request(1, "10.0.0.9:80") + "hello"))
	f.Add([]byte("\x05\x01\x00" + request(1, "www.example:80")))
	f.Add([]byte("\x05\x01\x02\x01\x05alice\x06secret" + request(3, "0.0.0.0:0")))
	f.Add([]byte("\x05\x01\x00" + request(2, "[fd00::9]:80")))
	f.Add([]byte("\x05\x01\x00" + request(2, "0.0.0.0:0") + "early"))
	f.Add([]byte("\x04\x01\x00\x50\x0a\x00\x00\x09\x00"))
	f.Add([]byte("CONNECT a:1 HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		synctest.Test(t, func(t *testing.T) { tryClient(t, sent) })
	})
}

func tryClient(t *testing.T, sent []byte) {
	tunnel, machine := proxytest.New(own4, own6), proxytest.New(local)
	tunnel.Add(host4, host6)
	listener, err := machine.ListenTCP(netip.AddrPortFrom(local, 1080), 1)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		err := socks5.Serve(context.Background(), listener, socks5.Config{
			Network: tunnel, Resolver: proxytest.Names{"www.example": {host4}}, Relays: relays{machine},
		})
		if err != nil {
			t.Error(err)
		}
	})
	conn, err := machine.DialFrom(context.Background(), local, netip.AddrPortFrom(local, 1080))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(sent); err != nil {
		var closed *net.OpError
		if !errors.As(err, &closed) {
			t.Error(err)
		}
	}
	conn.CloseWrite()
	got, _ := io.ReadAll(conn)
	listener.Close()
	serving.Wait()
	switch {
	case len(got) == 0, got[0] == 5, bytes.Equal(got, []byte{0, 0x5b, 0, 0, 0, 0, 0, 0}), bytes.HasPrefix(got, []byte("HTTP/1.1 400 ")):
	default:
		t.Errorf("answers %q", got)
	}
	if dialled := tunnel.Dialled(); len(dialled) > 0 && (len(sent) < 10 || sent[0] != 5) {
		t.Errorf("connects to %v", dialled)
	}
}
