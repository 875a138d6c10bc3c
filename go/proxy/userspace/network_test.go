package userspace_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"wg-bridge/go/netstack"
	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/forward"
	"wg-bridge/go/proxy/host"
	proxyhttp "wg-bridge/go/proxy/http"
	"wg-bridge/go/proxy/socks5"
	"wg-bridge/go/proxy/userspace"
	"wg-bridge/go/resolve"
)

var (
	near4 = netip.MustParseAddr("10.9.0.1")
	far4  = netip.MustParseAddr("10.9.0.2")
	near6 = netip.MustParseAddr("fd09::1")
	far6  = netip.MustParseAddr("fd09::2")
)

// testLimit bounds each wait.
const testLimit = time.Minute

// A pair is two networks back to back, as if an engine with one peer were between them. The far one has a DNS server.
type pair struct {
	t         *testing.T
	ctx       context.Context
	near, far *netstack.Device
	network   proxy.Network // near
	resolver  *resolve.Resolver
	running   sync.WaitGroup
}

const headroom = 16

func newPair(t *testing.T) *pair {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &pair{t: t, ctx: ctx}
	device := func(peers []netip.Prefix, own ...netip.Addr) *netstack.Device {
		made, err := netstack.New(netstack.Config{MTU: 1420})
		if err != nil {
			t.Fatal(err)
		}
		if err := made.SetAddresses(own); err != nil {
			t.Fatal(err)
		}
		made.SetRoutes(peers)
		return made
	}
	p.near = device([]netip.Prefix{netip.PrefixFrom(far4, 32), netip.PrefixFrom(far6, 128)}, near4, near6)
	p.far = device([]netip.Prefix{netip.PrefixFrom(near4, 32), netip.PrefixFrom(near6, 128)}, far4, far6)
	carry := func(from, to *netstack.Device) {
		bufs, sizes := make([][]byte, from.BatchSize()), make([]int, from.BatchSize())
		for i := range bufs {
			bufs[i] = make([]byte, headroom+65535)
		}
		for {
			count, err := from.Read(bufs, sizes, headroom)
			if err != nil {
				return
			}
			packets := make([][]byte, count)
			for i := range packets {
				packets[i] = bufs[i][:headroom+sizes[i]]
			}
			_, _ = to.Write(packets, headroom)
		}
	}
	p.running.Go(func() { carry(p.near, p.far) })
	p.running.Go(func() { carry(p.far, p.near) })
	t.Cleanup(func() {
		cancel()
		_ = p.near.Close()
		_ = p.far.Close()
		p.running.Wait()
	})
	p.network = userspace.Network(p.near)
	p.serveNames()
	p.resolver = resolve.New(resolve.Config{Servers: []netip.Addr{far4}, Network: p.network})
	return p
}

// serveNames answers for far.example, which has the far addresses.
func (p *pair) serveNames() {
	p.t.Helper()
	socket, err := p.far.BindUDP(netip.AddrPortFrom(far4, 53))
	if err != nil {
		p.t.Fatal(err)
	}
	p.running.Go(func() {
		_ = proxy.Receive(socket, 0, func(data []byte, from netip.AddrPort) {
			var message dnsmessage.Message
			if err := message.Unpack(data); err != nil || len(message.Questions) != 1 {
				p.t.Errorf("asked %x, %v", data, err)
				return
			}
			asked := message.Questions[0]
			answer := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: message.ID, Response: true, RecursionAvailable: true},
				Questions: message.Questions,
			}
			header := dnsmessage.ResourceHeader{Name: asked.Name, Type: asked.Type, Class: asked.Class, TTL: 60}
			switch {
			case asked.Name.String() != "far.example.":
				answer.RCode = dnsmessage.RCodeNameError
			case asked.Type == dnsmessage.TypeA:
				answer.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: far4.As4()}}}
			default:
				answer.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AAAAResource{AAAA: far6.As16()}}}
			}
			packed, err := answer.Pack()
			if err != nil {
				p.t.Error(err)
			}
			_, _ = socket.WriteToAddrPort(packed, from)
		})
	})
	p.t.Cleanup(func() { socket.Close() })
}

// web serves HTTP in the far network: it answers with the method and the SHA-256 of the body.
func (p *pair) web() {
	p.t.Helper()
	listener, err := p.far.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), 80), 64)
	if err != nil {
		p.t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		sum := sha256.New()
		_, _ = io.Copy(sum, request.Body)
		fmt.Fprintf(response, "%s %x", request.Method, sum.Sum(nil))
	})}
	p.running.Go(func() { _ = server.Serve(listener) })
	p.t.Cleanup(func() { server.Close() })
}

func (p *pair) listen() net.Listener {
	p.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	return listener
}

// serve runs a server until the end of the test, and returns its address.
func (p *pair) serve(run func(net.Listener) error) string {
	p.t.Helper()
	listener := p.listen()
	p.running.Go(func() {
		if err := run(listener); err != nil {
			p.t.Error(err)
		}
	})
	return listener.Addr().String()
}

func (p *pair) socks() string {
	return p.serve(func(listener net.Listener) error {
		return socks5.Serve(p.ctx, listener, socks5.Config{
			Network: p.network, Resolver: p.resolver, Relays: host.Sockets{}, Errorf: p.t.Errorf,
		})
	})
}

func dial(t *testing.T, network, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestWebThroughBothProxies(t *testing.T) {
	p := newPair(t)
	p.web()
	web := p.serve(func(listener net.Listener) error {
		return proxyhttp.Serve(p.ctx, listener, proxyhttp.Config{Dialer: p.network, Resolver: p.resolver, Errorf: t.Errorf})
	})
	data := make([]byte, 8<<20+1)
	_, _ = rand.NewChaCha8([32]byte{4}).Read(data)
	want := fmt.Sprintf("POST %x", sha256.Sum256(data))
	for _, through := range []string{"http://" + web, "socks5://" + p.socks()} {
		address, err := url.Parse(through)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{Proxy: http.ProxyURL(address)}
		client := &http.Client{Transport: transport, Timeout: testLimit}
		for _, target := range []string{"http://far.example/", "http://10.9.0.2/", "http://[fd09::2]/"} {
			response, err := client.Post(target, "text/plain", strings.NewReader(string(data)))
			if err != nil {
				t.Errorf("%s through %s: %v", target, through, err)
				continue
			}
			got, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || string(got) != want {
				t.Errorf("%s through %s: %q, %v", target, through, got, err)
			}
		}
		// Outside of the allowed IPs nothing is waited for.
		for target, text := range map[string]string{"http://10.9.0.3/": "10.9.0.3", "http://none.example/": "none.example"} {
			response, err := client.Get(target)
			if err == nil {
				got, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if response.StatusCode != http.StatusBadGateway || !strings.Contains(string(got), text) {
					t.Errorf("%s through %s: %s, %q", target, through, response.Status, got)
				}
			}
		}
		transport.CloseIdleConnections()
	}
}

func TestErrorsOfTheStackHaveTheirReason(t *testing.T) {
	p := newPair(t)
	connector := &proxy.Connector{Dialer: p.network, Resolver: p.resolver}
	for target, want := range map[string]proxy.Reason{
		"10.9.0.2:81": proxy.Refused, "[fd09::2]:81": proxy.Refused, "far.example:81": proxy.Refused,
		"10.9.0.3:80": proxy.Unreachable, "127.0.0.1:80": proxy.Unreachable, "none.example:80": proxy.Unresolved,
	} {
		parsed, err := proxy.ParseTarget(target)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = connector.Connect(p.ctx, parsed); err == nil || proxy.ReasonOf(err) != want {
			t.Errorf("%s: %v is reason %d, want %d", target, err, proxy.ReasonOf(err), want)
		}
	}
	if err := p.near.SetAddresses([]netip.Addr{near4}); err != nil {
		t.Fatal(err)
	}
	_, err := connector.Connect(p.ctx, proxy.TargetOf(netip.AddrPortFrom(far6, 80)))
	if err == nil || proxy.ReasonOf(err) != proxy.NoFamily {
		t.Errorf("without an IPv6 address: %v is reason %d", err, proxy.ReasonOf(err))
	}
	if _, err := p.network.Source(far6); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Error(err)
	}
	_ = p.near.Close()
	if _, err = connector.Connect(p.ctx, proxy.TargetOf(netip.AddrPortFrom(far4, 80))); err == nil || proxy.ReasonOf(err) != proxy.Closed {
		t.Errorf("of a closed tunnel: %v is reason %d", err, proxy.ReasonOf(err))
	}
}

func TestAssociateAndBind(t *testing.T) {
	p := newPair(t)
	echo, err := p.far.BindUDP(netip.AddrPortFrom(far4, 7))
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	p.running.Go(func() {
		_ = proxy.Receive(echo, 0, func(data []byte, from netip.AddrPort) { _, _ = echo.WriteToAddrPort(data, from) })
	})
	ask := func(request string) (net.Conn, netip.AddrPort) {
		conn := dial(t, "tcp", p.socks())
		if _, err := io.WriteString(conn, "\x05\x01\x00"+request); err != nil {
			t.Fatal(err)
		}
		var answer [12]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil || answer[3] != 0 {
			t.Fatalf("answered %x, %v", answer, err)
		}
		return conn, netip.AddrPortFrom(netip.AddrFrom4([4]byte(answer[6:10])), uint16(answer[10])<<8|uint16(answer[11]))
	}
	_, relay := ask("\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00")
	client := dial(t, "udp", relay.String())
	for _, size := range []int{0, 100, 1392, 8000} { // the last in fragments
		sent := "\x00\x00\x00\x01\x0a\x09\x00\x02\x00\x07" + strings.Repeat("x", size)
		if _, err := io.WriteString(client, sent); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 65535)
		length, err := client.Read(buffer)
		if err != nil || string(buffer[:length]) != sent {
			t.Fatalf("%d of %d bytes came back, %v", length, len(sent), err)
		}
	}
	conn, bound := ask("\x05\x02\x00\x01\x0a\x09\x00\x02\x00\x00")
	stream, err := p.far.DialTCP(p.ctx, netip.AddrPort{}, bound)
	if err != nil {
		t.Fatalf("connecting to %v: %v", bound, err)
	}
	if _, err := io.WriteString(stream, "hello"); err != nil {
		t.Fatal(err)
	}
	_ = stream.CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || len(got) != 15 || got[1] != 0 || string(got[10:]) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}
	stream.Close()
}

func TestForwardsBothWays(t *testing.T) {
	p := newPair(t)
	p.web()
	connector := &proxy.Connector{Dialer: p.network, Resolver: p.resolver}
	address := p.serve(func(listener net.Listener) error {
		connect := forward.IntoTunnel(connector, proxy.Target{Host: "far.example", Port: 80})
		return forward.Serve(p.ctx, listener, connect, forward.Config{Errorf: t.Errorf})
	})
	response, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Error(response.Status)
	}

	// A server of this machine, exposed in the tunnel.
	local := p.listen()
	defer local.Close()
	target, err := host.ParseAddress(local.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	exposed, err := p.network.ListenTCP(netip.AddrPortFrom(near6, 8080), 16)
	if err != nil {
		t.Fatal(err)
	}
	p.running.Go(func() {
		if err := forward.Serve(p.ctx, exposed, target.Dial, forward.Config{Errorf: t.Errorf}); err != nil {
			t.Error(err)
		}
	})
	stream, err := p.far.DialTCP(p.ctx, netip.AddrPort{}, netip.AddrPortFrom(near6, 8080))
	if err != nil {
		t.Fatal(err)
	}
	served, err := local.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(stream, "hello"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(served, got); err != nil || string(got) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}
	_ = proxy.Abort(served)
	if _, err := stream.Read(got); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the reset arrives as %v", err)
	}
	stream.Close()
}

// What a server of this machine gets over UDP comes from a socket of each client's own.
func TestExposedDatagrams(t *testing.T) {
	p := newPair(t)
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	target, err := host.ParseAddress(server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	front, err := p.network.BindUDP(netip.AddrPortFrom(near4, 5353))
	if err != nil {
		t.Fatal(err)
	}
	p.running.Go(func() {
		if err := forward.ServeDatagrams(p.ctx, front, target.OpenUDP, forward.Config{Errorf: t.Errorf}); err != nil {
			t.Error(err)
		}
	})
	sources := map[string]bool{}
	for i := range 3 {
		client, err := p.far.BindUDP(netip.AddrPortFrom(far4, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if err := client.SetReadDeadline(time.Now().Add(testLimit)); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint("datagram ", i)
		if _, err := client.WriteToAddrPort([]byte(text), netip.AddrPortFrom(near4, 5353)); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 100)
		length, from, err := server.ReadFrom(buffer)
		if err != nil || string(buffer[:length]) != text {
			t.Fatalf("received %q, %v", buffer[:length], err)
		}
		sources[from.String()] = true
		if _, err := server.WriteTo(buffer[:length], from); err != nil {
			t.Fatal(err)
		}
		length, back, err := client.ReadFromAddrPort(buffer)
		if err != nil || string(buffer[:length]) != text || back != netip.AddrPortFrom(near4, 5353) {
			t.Errorf("received %q from %v, %v", buffer[:length], back, err)
		}
	}
	if len(sources) != 3 {
		t.Errorf("three clients come from %v", sources)
	}
}
