package socks5_test

import (
	"context"
	"encoding/binary"
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
	"wg-bridge/go/proxy/socks5"
)

var (
	own4   = netip.MustParseAddr("10.0.0.2")
	own6   = netip.MustParseAddr("fd00::2")
	host4  = netip.MustParseAddr("10.0.0.9")
	host6  = netip.MustParseAddr("fd00::9")
	silent = netip.MustParseAddr("10.0.0.66")
	local  = netip.MustParseAddr("127.0.0.1")
)

// A lab is a proxy with its tunnel, and the machine on which it listens.
type lab struct {
	t        *testing.T
	tunnel   *proxytest.Network
	machine  *proxytest.Network
	listener net.Listener
	stats    *proxy.Stats
	cancel   context.CancelFunc
	log      func() string
}

// PacketListener of the machine.
type relays struct{ machine *proxytest.Network }

func (r relays) ListenPacket(local netip.AddrPort) (proxy.PacketConn, error) {
	return r.machine.HostUDP(local)
}

// newLab starts a proxy that ends with the test.
func newLab(t *testing.T, change func(*socks5.Config)) *lab {
	t.Helper()
	l := &lab{t: t, tunnel: proxytest.New(own4, own6), machine: proxytest.New(local), stats: new(proxy.Stats)}
	var err error
	if l.listener, err = l.machine.ListenTCP(netip.AddrPortFrom(local, 1080), 16); err != nil {
		t.Fatal(err)
	}
	l.tunnel.Add(host4, host6)
	l.tunnel.Silence(silent)
	var mu sync.Mutex
	var lines []string
	l.log = func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(lines, "\n")
	}
	write := func(format string, arguments ...any) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, fmt.Sprintf(format, arguments...))
	}
	config := socks5.Config{
		Network:  l.tunnel,
		Resolver: proxytest.Names{"www.example": {host6, host4}, "four.example": {host4}},
		Relays:   relays{l.machine}, Stats: l.stats, Logf: write, Errorf: write,
	}
	if change != nil {
		change(&config)
	}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := socks5.Serve(ctx, l.listener, config); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		l.cancel()
		serving.Wait()
		if got := l.stats.Snapshot().Active; got != 0 {
			t.Errorf("%d connections are left", got)
		}
	})
	return l
}

// echo starts a server in the tunnel that answers with what it gets.
func (l *lab) echo(host netip.Addr, port uint16) {
	l.t.Helper()
	listener, err := l.tunnel.ListenTCP(netip.AddrPortFrom(host, port), 16)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := io.Copy(conn, conn); err == nil {
					_ = conn.(*proxytest.Conn).CloseWrite()
				}
			}()
		}
	}()
}

// connect opens a client's connection to the proxy.
func (l *lab) connect() *proxytest.Conn {
	l.t.Helper()
	conn, err := l.machine.DialFrom(context.Background(), local, netip.AddrPortFrom(local, 1080))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	return conn
}

// greeted opens a connection that needs no password.
func (l *lab) greeted() *proxytest.Conn {
	l.t.Helper()
	conn := l.connect()
	say(l.t, conn, "\x05\x01\x00")
	expect(l.t, conn, "\x05\x00")
	return conn
}

// ask sends a request and returns the reply's code and address.
func (l *lab) ask(conn net.Conn, command byte, address string) (byte, netip.AddrPort) {
	l.t.Helper()
	say(l.t, conn, request(command, address))
	return readReply(l.t, conn)
}

// request returns a request for HOST:PORT.
func request(command byte, address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		panic(err)
	}
	number := 0
	if _, err := fmt.Sscan(port, &number); err != nil {
		panic(err)
	}
	return string(append([]byte{5, command, 0}, encode(host, uint16(number))...))
}

// encode returns a type, an address and a port.
func encode(host string, port uint16) []byte {
	var encoded []byte
	address, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		encoded = append([]byte{3, byte(len(host))}, host...)
	case address.Is4():
		encoded = append([]byte{1}, address.AsSlice()...)
	default:
		encoded = append([]byte{4}, address.AsSlice()...)
	}
	return binary.BigEndian.AppendUint16(encoded, port)
}

func readReply(t *testing.T, conn net.Conn) (byte, netip.AddrPort) {
	t.Helper()
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		t.Fatalf("reading the reply: %v", err)
	}
	if head[0] != 5 || head[2] != 0 {
		t.Errorf("the reply begins with %x", head)
	}
	rest := make([]byte, map[byte]int{1: 4, 4: 16}[head[3]]+2)
	if _, err := io.ReadFull(conn, rest); err != nil {
		t.Fatalf("reading the reply's address: %v", err)
	}
	address, _ := netip.AddrFromSlice(rest[:len(rest)-2])
	return head[1], netip.AddrPortFrom(address, binary.BigEndian.Uint16(rest[len(rest)-2:]))
}

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

func withUsers(t *testing.T, file string) func(*socks5.Config) {
	t.Helper()
	users := proxy.NewUsers()
	if err := users.Read(strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	return func(config *socks5.Config) { config.Users = users }
}

func TestConnect(t *testing.T) {
	for _, address := range []string{"10.0.0.9:80", "[fd00::9]:80", "www.example:80", "10.0.0.9:80 at once"} {
		t.Run(address, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				l.echo(host4, 80)
				l.echo(host6, 80)
				conn := l.connect()
				address, isAtOnce := strings.CutSuffix(address, " at once")
				// A client may send everything without waiting for the answers.
				say(t, conn, "\x05\x01\x00")
				if isAtOnce {
					say(t, conn, request(1, address)+"hello")
				}
				expect(t, conn, "\x05\x00")
				if !isAtOnce {
					say(t, conn, request(1, address))
				}
				code, bound := readReply(t, conn)
				if code != 0 || bound.Addr() != own4 && bound.Addr() != own6 || bound.Port() == 0 {
					t.Fatalf("answered %d, %v", code, bound)
				}
				if !isAtOnce {
					say(t, conn, "hello")
				}
				expect(t, conn, "hello")
				conn.CloseWrite()
				expectEnd(t, conn, io.EOF)
				synctest.Wait()
				if got := l.stats.Snapshot(); got.Sent != 5 || got.Received != 5 || got.Accepted != 1 || got.Failed != 0 {
					t.Errorf("counted %+v", got)
				}
			})
		})
	}
}

func TestRepliesSayWhy(t *testing.T) {
	for address, want := range map[string]byte{
		"10.0.0.9:81": 5, "192.0.2.1:80": 4, "10.0.0.66:80": 4, "none.example:80": 4, "[2001:db8::1]:80": 4,
		"10.0.0.9:0": 1, "127.0.0.1:80": 4, "localhost:80": 4, ":80": 1,
	} {
		t.Run(address, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				conn := l.greeted()
				code, bound := l.ask(conn, 1, address)
				if code != want || bound != netip.MustParseAddrPort("0.0.0.0:0") {
					t.Errorf("answered %d, %v, want %d", code, bound, want)
				}
				expectEnd(t, conn, io.EOF)
				host, _, _ := net.SplitHostPort(address)
				if !strings.Contains(l.log(), host) {
					t.Errorf("logged %q", l.log())
				}
			})
		})
	}
	t.Run("no address of that family", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, func(config *socks5.Config) { config.Network = proxytest.New(own4) })
			if code, _ := l.ask(l.greeted(), 1, "[fd00::9]:80"); code != 8 {
				t.Errorf("answered %d, want 8", code)
			}
		})
	})
}

func TestPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, withUsers(t, "alice:secret\nbob:hunter2"))
		l.echo(host4, 80)
		for _, user := range []string{"\x01\x05alice\x06secret", "\x01\x03bob\x07hunter2"} {
			conn := l.connect()
			say(t, conn, "\x05\x03\x00\x01\x02")
			expect(t, conn, "\x05\x02")
			say(t, conn, user)
			expect(t, conn, "\x01\x00")
			if code, _ := l.ask(conn, 1, "10.0.0.9:80"); code != 0 {
				t.Errorf("answered %d", code)
			}
			say(t, conn, "hello")
			expect(t, conn, "hello")
			conn.Close()
		}
		for _, user := range []string{"\x01\x05alice\x07hunter2", "\x01\x05alice\x00", "\x01\x00\x00", "\x01\x05carol\x06secret"} {
			conn := l.connect()
			say(t, conn, "\x05\x01\x02")
			expect(t, conn, "\x05\x02")
			say(t, conn, user+request(1, "10.0.0.9:80"))
			expect(t, conn, "\x01\x01")
			expectEnd(t, conn, io.EOF)
		}
		conn := l.connect()
		say(t, conn, "\x05\x02\x00\x01"+request(1, "10.0.0.9:80"))
		expect(t, conn, "\x05\xff")
		expectEnd(t, conn, io.EOF)
		synctest.Wait()
		if got := l.stats.Snapshot(); got.Denied != 5 {
			t.Errorf("counted %+v", got)
		}
		if dialled := l.tunnel.Dialled(); len(dialled) != 2 {
			t.Errorf("dialled %v", dialled)
		}
		for _, secret := range []string{"hunter2", "secret", "carol", "alice"} {
			if strings.Contains(l.log(), secret) {
				t.Errorf("logged %q", l.log())
			}
		}
	})
}

func TestAPasswordThatIsNotNeededIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		l.echo(host4, 80)
		conn := l.connect()
		say(t, conn, "\x05\x01\x02")
		expect(t, conn, "\x05\x02")
		say(t, conn, "\x01\x01a\x01b")
		expect(t, conn, "\x01\x00")
		if code, _ := l.ask(conn, 1, "10.0.0.9:80"); code != 0 {
			t.Errorf("answered %d", code)
		}
	})
}

func TestMalformedRequests(t *testing.T) {
	for name, test := range map[string]struct{ sent, want string }{
		"SOCKS4":                {"\x04\x01\x00\x50\x0a\x00\x00\x09user\x00", "\x00\x5b\x00\x00\x00\x00\x00\x00"},
		"unknown protocol":      {"\x16\x03\x01", ""},
		"no methods":            {"\x05\x00", "\x05\xff"},
		"unknown methods":       {"\x05\x02\x01\x80", "\x05\xff"},
		"another version":       {"\x05\x01\x00\x04\x01\x00\x01", "\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00"},
		"unknown command":       {"\x05\x01\x00\x05\x09\x00\x01\x0a\x00\x00\x09\x00\x50", "\x05\x00\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00"},
		"unknown address type":  {"\x05\x01\x00\x05\x01\x00\x02\x0a\x00", "\x05\x00\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00"},
		"empty name":            {"\x05\x01\x00\x05\x01\x00\x03\x00\x00\x50", "\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00"},
		"unknown auth version":  {"\x05\x01\x02\x02\x01a\x01b", "\x05\x02"},
		"end within the header": {"\x05\x01\x00\x05\x01\x00\x03\x05www", "\x05\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				conn := l.connect()
				say(t, conn, test.sent)
				conn.CloseWrite()
				got, err := io.ReadAll(conn)
				if err != nil || string(got) != test.want {
					t.Errorf("answered %q, %v, want %q", got, err, test.want)
				}
				synctest.Wait()
				if l.log() == "" {
					t.Error("logged nothing")
				}
			})
		})
	}
	t.Run("HTTP", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, nil)
			conn := l.connect()
			say(t, conn, "GET http://www.example/ HTTP/1.1\r\nHost: www.example\r\n\r\n")
			got, err := io.ReadAll(conn)
			if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 400 ") || !strings.Contains(string(got), "This is a SOCKS5 proxy") {
				t.Errorf("answered %q, %v", got, err)
			}
		})
	})
}

func TestSlowAndSilentClientsEnd(t *testing.T) {
	for name, begin := range map[string]string{"silent": "", "one byte a second": "\x05\x01\x00\x05\x01\x00\x03\x20wwwwwwwwwwwwwww"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				conn, start := l.connect(), time.Now()
				var sending sync.WaitGroup
				sending.Go(func() {
					for _, character := range []byte(begin) {
						if _, err := conn.Write([]byte{character}); err != nil {
							return
						}
						time.Sleep(time.Second) // in the bubble
					}
				})
				defer sending.Wait()
				_, _ = io.Copy(io.Discard, conn)
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("ended after %v", took)
				}
				if !strings.Contains(l.log(), "it has sent no whole request within 10s") {
					t.Errorf("logged %q", l.log())
				}
			})
		})
	}
	// The limit is for the handshake alone.
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		l.echo(host4, 80)
		conn := l.connect()
		for _, character := range []byte("\x05\x01\x00" + request(1, "10.0.0.9:80")) {
			say(t, conn, string(character))
			time.Sleep(time.Second / 2)
		}
		expect(t, conn, "\x05\x00")
		if code, _ := readReply(t, conn); code != 0 {
			t.Fatalf("answered %d", code)
		}
		time.Sleep(time.Hour)
		say(t, conn, "hello")
		expect(t, conn, "hello")
	})
}

func TestAClientThatHangsUpEndsTheConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		conn := l.greeted()
		say(t, conn, request(1, "10.0.0.66:80"))
		synctest.Wait()
		begin := time.Now()
		conn.Close()
		synctest.Wait()
		if got := l.stats.Snapshot(); got.Active != 0 || got.Failed != 0 || time.Since(begin) != 0 {
			t.Errorf("counted %+v after %v", got, time.Since(begin))
		}
	})
}

func TestTheEndOfTheProxyResetsItsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		l.echo(host4, 80)
		conn := l.greeted()
		if code, _ := l.ask(conn, 1, "10.0.0.9:80"); code != 0 {
			t.Fatalf("answered %d", code)
		}
		waiting := l.greeted()
		l.cancel()
		expectEnd(t, conn, syscall.ECONNRESET)
		expectEnd(t, waiting, syscall.ECONNRESET)
	})
}

func TestBind(t *testing.T) {
	for expected, isFree := range map[string]bool{"10.0.0.9:0": false, "0.0.0.0:0": true, "www.example:1": false} {
		t.Run(expected, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				conn := l.greeted()
				code, bound := l.ask(conn, 2, expected)
				if code != 0 || bound.Addr() != own4 && bound.Addr() != own6 || bound.Port() == 0 {
					t.Fatalf("answered %d, %v", code, bound)
				}
				peer, stranger := host4, netip.MustParseAddr("10.0.0.77")
				if bound.Addr() == own6 {
					peer, stranger = host6, netip.MustParseAddr("fd00::77")
				}
				if !isFree {
					other, err := l.tunnel.DialFrom(context.Background(), stranger, bound)
					if err != nil {
						t.Fatal(err)
					}
					expectEnd(t, other, syscall.ECONNRESET)
				}
				stream, err := l.tunnel.DialFrom(context.Background(), peer, bound)
				if err != nil {
					t.Fatal(err)
				}
				code, from := readReply(t, conn)
				if code != 0 || from.Addr() != peer || from != stream.LocalAddr().(*net.TCPAddr).AddrPort() {
					t.Errorf("answered %d, %v", code, from)
				}
				say(t, stream, "220 hello")
				expect(t, conn, "220 hello")
				say(t, conn, "thanks")
				expect(t, stream, "thanks")
				// One connection is all.
				if _, err := l.tunnel.DialFrom(context.Background(), peer, bound); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("a second connection: %v", err)
				}
				stream.Close()
				expectEnd(t, conn, io.EOF)
				conn.Close()
			})
		})
	}
}

func TestBindEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		conn, begin := l.greeted(), time.Now()
		if code, _ := l.ask(conn, 2, "10.0.0.9:0"); code != 0 {
			t.Fatalf("answered %d", code)
		}
		if code, _ := readReply(t, conn); code != 4 || time.Since(begin) != 2*time.Minute {
			t.Errorf("answered %d after %v", code, time.Since(begin))
		}
		expectEnd(t, conn, io.EOF)
		if !strings.Contains(l.log(), "nobody has connected within 2m0s") {
			t.Errorf("logged %q", l.log())
		}

		conn = l.greeted()
		_, bound := l.ask(conn, 2, "10.0.0.9:0")
		conn.Close()
		synctest.Wait()
		if _, err := l.tunnel.DialFrom(context.Background(), host4, bound); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("listens for a client that has gone: %v", err)
		}
		if code, _ := l.ask(l.greeted(), 2, "none.example:0"); code != 4 {
			t.Errorf("answered %d", code)
		}
	})
}
