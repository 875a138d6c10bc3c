package proxy_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/forward"
	"wg-bridge/go/proxy/host"
	proxyhttp "wg-bridge/go/proxy/http"
	"wg-bridge/go/proxy/proxytest"
	"wg-bridge/go/proxy/socks5"
)

// clientTimeout bounds what no client needs.
const clientTimeout = time.Minute

// A service is all proxies on listeners of this machine, into a tunnel in memory with a web server and echo servers.
type service struct {
	t       *testing.T
	ctx     context.Context
	tunnel  *proxytest.Network
	names   proxytest.Names
	stats   *proxy.Stats
	serving sync.WaitGroup
}

const webPage = "a page in the tunnel"

func newService(t *testing.T) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{
		t: t, ctx: ctx, tunnel: proxytest.New(own4, own6), stats: new(proxy.Stats),
		names: proxytest.Names{"www.example": {host6, host4}},
	}
	t.Cleanup(s.serving.Wait) // after everything that is registered from here on
	web := http.NewServeMux()
	web.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		_, _ = io.WriteString(response, webPage)
	})
	web.HandleFunc("/sum", func(response http.ResponseWriter, request *http.Request) {
		sum := sha256.New()
		_, _ = io.Copy(sum, request.Body)
		fmt.Fprintf(response, "%s %x", request.Method, sum.Sum(nil))
	})
	for _, address := range []netip.Addr{host4, host6} {
		server, listener := &http.Server{Handler: web}, listen(t, s.tunnel, address)
		s.serving.Go(func() { _ = server.Serve(listener) })
		t.Cleanup(func() { server.Close() })
	}
	s.echo(host4, 7)
	t.Cleanup(cancel)
	return s
}

// echo starts servers of TCP and UDP that answer with what they get.
func (s *service) echo(address netip.Addr, port uint16) {
	s.t.Helper()
	listener, err := s.tunnel.ListenTCP(netip.AddrPortFrom(address, port), 4096)
	if err != nil {
		s.t.Fatal(err)
	}
	socket, err := s.tunnel.HostUDP(netip.AddrPortFrom(address, port))
	if err != nil {
		s.t.Fatal(err)
	}
	s.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.serving.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			})
		}
	})
	s.serving.Go(func() {
		_ = proxy.Receive(socket, 0, func(data []byte, from netip.AddrPort) { _, _ = socket.WriteToAddrPort(data, from) })
	})
	s.t.Cleanup(func() {
		listener.Close()
		socket.Close()
	})
}

func (s *service) listen(text string) net.Listener {
	s.t.Helper()
	address, err := host.ParseAddress(text)
	if err != nil {
		s.t.Fatal(err)
	}
	listener, err := address.Listen(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return listener
}

// proxies serves SOCKS5 and HTTP on one listener, and returns its address.
func (s *service) proxies(text string, users *proxy.Users) string {
	s.t.Helper()
	listener := s.listen(text)
	socks, web := proxy.Split(listener, s.t.Errorf)
	s.serving.Go(func() {
		if err := socks5.Serve(s.ctx, socks, socks5.Config{
			Network: s.tunnel, Resolver: s.names, Relays: host.Sockets{}, Users: users, Stats: s.stats, Errorf: s.t.Errorf,
		}); err != nil {
			s.t.Error(err)
		}
	})
	s.serving.Go(func() {
		if err := proxyhttp.Serve(s.ctx, web, proxyhttp.Config{
			Dialer: s.tunnel, Resolver: s.names, Users: users, Stats: s.stats, Errorf: s.t.Errorf,
		}); err != nil {
			s.t.Error(err)
		}
	})
	return listener.Addr().String()
}

// run runs a client without any proxy of the environment, and returns its output and exit status.
func run(t *testing.T, input string, name string, arguments ...string) (string, int) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s: not installed", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, path, arguments...)
	command.Stdin = strings.NewReader(input)
	for _, variable := range os.Environ() {
		if key, _, _ := strings.Cut(variable, "="); !strings.HasSuffix(strings.ToLower(key), "_proxy") {
			command.Env = append(command.Env, variable)
		}
	}
	var messages bytes.Buffer
	command.Stderr = &messages
	output, err := command.Output()
	if _, isExit := errors.AsType[*exec.ExitError](err); err != nil && !isExit || ctx.Err() != nil {
		t.Fatalf("%s: %v, %v", name, err, ctx.Err())
	}
	if command.ProcessState.ExitCode() != 0 {
		t.Logf("%s %s: %s", name, strings.Join(arguments, " "), &messages)
	}
	return string(output), command.ProcessState.ExitCode()
}

func TestCurl(t *testing.T) {
	s := newService(t)
	open := s.proxies("127.0.0.1:0", nil)
	users := proxy.NewUsers()
	if err := users.Read(strings.NewReader("alice:secret")); err != nil {
		t.Fatal(err)
	}
	guarded := s.proxies("127.0.0.1:0", users)
	path := filepath.Join(t.TempDir(), "proxy")
	s.proxies("unix:"+path, nil)

	data := make([]byte, 5<<20+3)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(data)
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	for name, test := range map[string]struct {
		arguments []string
		output    string
		status    int
	}{
		"SOCKS5, name":        {[]string{"--socks5-hostname", open, "http://www.example/"}, webPage, 0},
		"SOCKS5, IPv4":        {[]string{"--socks5", open, "http://10.0.0.9/"}, webPage, 0},
		"SOCKS5, IPv6":        {[]string{"--socks5", open, "http://[fd00::9]/"}, webPage, 0},
		"HTTP":                {[]string{"--proxy", "http://" + open, "http://www.example/"}, webPage, 0},
		"HTTP/1.0":            {[]string{"-0", "--proxy", "http://" + open, "http://www.example/"}, webPage, 0},
		"CONNECT":             {[]string{"--proxytunnel", "--proxy", "http://" + open, "http://www.example/"}, webPage, 0},
		"two requests":        {[]string{"--proxy", "http://" + open, "http://www.example/", "http://10.0.0.9/"}, webPage + webPage, 0},
		"SOCKS5 by a path":    {[]string{"--proxy", "socks5h://localhost" + path, "http://www.example/"}, webPage, 0},
		"POST by SOCKS5":      {[]string{"--socks5-hostname", open, "--data-binary", "@" + file, "http://www.example/sum"}, "POST " + sum, 0},
		"POST by HTTP":        {[]string{"--proxy", open, "--data-binary", "@" + file, "http://www.example/sum"}, "POST " + sum, 0},
		"upload by SOCKS5":    {[]string{"--socks5-hostname", open, "-T", file, "http://www.example/sum"}, "PUT " + sum, 0},
		"upload by HTTP":      {[]string{"--proxy", open, "-T", file, "http://www.example/sum"}, "PUT " + sum, 0},
		"chunked by HTTP":     {[]string{"--proxy", open, "-H", "Transfer-Encoding: chunked", "-T", file, "http://www.example/sum"}, "PUT " + sum, 0},
		"upload by CONNECT":   {[]string{"-p", "--proxy", open, "-T", file, "http://www.example/sum"}, "PUT " + sum, 0},
		"SOCKS5, password":    {[]string{"--proxy", "socks5h://alice:secret@" + guarded, "http://www.example/"}, webPage, 0},
		"HTTP, password":      {[]string{"--proxy-user", "alice:secret", "--proxy", guarded, "http://www.example/"}, webPage, 0},
		"HTTP, when asked":    {[]string{"--proxy-anyauth", "--proxy-user", "alice:secret", "--proxy", guarded, "http://www.example/"}, webPage, 0},
		"CONNECT, password":   {[]string{"-p", "--proxy-user", "alice:secret", "--proxy", guarded, "http://www.example/"}, webPage, 0},
		"SOCKS5, wrong":       {[]string{"--proxy", "socks5h://alice:wrong@" + guarded, "http://www.example/"}, "", 97},
		"HTTP, wrong":         {[]string{"-f", "--proxy-user", "alice:wrong", "--proxy", guarded, "http://www.example/"}, "", 22},
		"CONNECT, wrong":      {[]string{"-p", "--proxy-user", "alice:wrong", "--proxy", guarded, "http://www.example/"}, "", 56},
		"SOCKS5, no name":     {[]string{"--socks5-hostname", open, "http://none.example/"}, "", 97},
		"SOCKS5, unreachable": {[]string{"--socks5", open, "http://192.0.2.1/"}, "", 97},
		"HTTP, no name":       {[]string{"-f", "--proxy", open, "http://none.example/"}, "", 22},
		"CONNECT, refused":    {[]string{"-p", "--proxy", open, "http://10.0.0.9:81/"}, "", 56},
		"SOCKS4":              {[]string{"--socks4", open, "http://10.0.0.9/"}, "", 97},
	} {
		t.Run(name, func(t *testing.T) {
			output, status := run(t, "", "curl", append([]string{"--silent", "--show-error"}, test.arguments...)...)
			if output != test.output || status != test.status {
				t.Errorf("printed %q and ended with %d, want %q and %d", output, status, test.output, test.status)
			}
		})
	}
	// Nothing but these was connected to.
	for _, dialled := range s.tunnel.Dialled() {
		switch dialled.String() {
		case "10.0.0.9:80", "[fd00::9]:80", "10.0.0.9:81", "192.0.2.1:80":
		default:
			t.Errorf("connected to %v", dialled)
		}
	}
}

func TestNcat(t *testing.T) {
	s := newService(t)
	address := s.proxies("127.0.0.1:0", nil)
	for _, kind := range []string{"socks5", "http"} {
		t.Run(kind, func(t *testing.T) {
			// ncat ends its side after its input; what the echo server then sends comes back through the half that is left.
			output, status := run(t, "hello", "ncat", "--proxy", address, "--proxy-type", kind, "10.0.0.9", "7")
			if output != "hello" || status != 0 {
				t.Errorf("printed %q and ended with %d", output, status)
			}
		})
	}
	t.Run("forward", func(t *testing.T) {
		listener := s.listen("127.0.0.1:0")
		connector := &proxy.Connector{Dialer: s.tunnel, Resolver: s.names}
		s.serving.Go(func() {
			connect := forward.IntoTunnel(connector, proxy.Target{Host: "10.0.0.9", Port: 7})
			if err := forward.Serve(s.ctx, listener, connect, forward.Config{Errorf: t.Errorf}); err != nil {
				s.t.Error(err)
			}
		})
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		output, status := run(t, "hello", "ncat", "127.0.0.1", port)
		if output != "hello" || status != 0 {
			t.Errorf("printed %q and ended with %d", output, status)
		}
	})
}

// pySocks talks to the echo servers over TCP by name and address, and over UDP.
const pySocks = `
import socket, socks, sys
host, port = sys.argv[1].split(":")
def new(kind, user=None, password=None):
    s = socks.socksocket(socket.AF_INET, kind)
    s.set_proxy(socks.SOCKS5, host, int(port), True, user, password)
    s.settimeout(30)
    return s
for target in [("www.example", 80), ("10.0.0.9", 80)]:
    s = new(socket.SOCK_STREAM)
    s.connect(target)
    s.sendall(b"GET / HTTP/1.0\r\nHost: www.example\r\n\r\n")
    answer = b""
    while True:
        part = s.recv(4096)
        if not part: break
        answer += part
    assert answer.endswith(b"a page in the tunnel"), answer
u = new(socket.SOCK_DGRAM)
for size in [1, 100, 1400]:
    u.sendto(b"x" * size, ("10.0.0.9", 7))
    data, sender = u.recvfrom(65535)
    assert data == b"x" * size and sender == ("10.0.0.9", 7), (data, sender)
u.close()
try:
    new(socket.SOCK_STREAM).connect(("10.0.0.9", 81))
    assert False, "connected"
except socks.ProxyConnectionError as error:
    print(error)
except socks.GeneralProxyError as error:
    print(error)
print("done")
`

func TestPySocks(t *testing.T) {
	// scripts/clients installs it here.
	path, err := filepath.Abs("../../build/clients/python")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PYTHONPATH", path)
	if output, err := exec.Command("python3", "-c", "import socks").CombinedOutput(); err != nil {
		t.Skipf("Python's package PySocks is not installed: %v %s", err, bytes.TrimSpace(output))
	}
	s := newService(t)
	output, status := run(t, "", "python3", "-c", pySocks, s.proxies("127.0.0.1:0", nil))
	if status != 0 || !strings.Contains(output, "Connection refused") || !strings.HasSuffix(output, "done\n") {
		t.Errorf("printed %q and ended with %d", output, status)
	}
}

func TestAThousandClientsAtOnce(t *testing.T) {
	s := newService(t)
	address := s.proxies("127.0.0.1:0", nil)
	before := runtime.NumGoroutine()
	const clients = 1000
	conns := make([]net.Conn, clients)
	var running sync.WaitGroup
	for i := range conns {
		running.Go(func() {
			conn, err := net.DialTimeout("tcp", address, clientTimeout)
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = conn
			if err := conn.SetDeadline(time.Now().Add(clientTimeout)); err != nil {
				t.Error(err)
			}
			if i%2 == 0 {
				say(t, conn, "\x05\x01\x00\x05\x01\x00\x01\x0a\x00\x00\x09\x00\x07")
				expect(t, conn, "\x05\x00\x05\x00\x00\x01")
				_, err = io.ReadFull(conn, make([]byte, 6))
			} else {
				say(t, conn, "CONNECT 10.0.0.9:7 HTTP/1.1\r\nHost: 10.0.0.9\r\n\r\n")
				expect(t, conn, "HTTP/1.1 200 Connection established\r\n\r\n")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if t.Failed() {
		return
	}
	if got := s.stats.Snapshot(); got.Active != clients {
		t.Errorf("counted %+v", got)
	}
	for i, conn := range conns {
		running.Go(func() {
			text := strings.Repeat(fmt.Sprint(i), 10_000)
			say(t, conn, text)
			expect(t, conn, text)
			conn.Close()
		})
	}
	running.Wait()
	waitUntil(t, func() bool { return s.stats.Snapshot().Active == 0 && runtime.NumGoroutine() <= before },
		func() string {
			return fmt.Sprintf("%+v, %d goroutines of %d", s.stats.Snapshot(), runtime.NumGoroutine(), before)
		})
}

// waitUntil waits for what nothing announces.
func waitUntil(t *testing.T, condition func() bool, state func() string) {
	t.Helper()
	deadline := time.Now().Add(clientTimeout)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal(state())
		}
		time.Sleep(5 * time.Millisecond)
	}
}
