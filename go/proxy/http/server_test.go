package http_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wg-bridge/go/proxy"
	proxyhttp "wg-bridge/go/proxy/http"
	"wg-bridge/go/proxy/proxytest"
)

var (
	own4   = netip.MustParseAddr("10.0.0.2")
	host4  = netip.MustParseAddr("10.0.0.9")
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
	served   chan struct{} // closed when Serve has returned

	mu    sync.Mutex
	lines []string
}

func newLab(t *testing.T, change func(*proxyhttp.Config)) *lab {
	t.Helper()
	l := &lab{
		t: t, tunnel: proxytest.New(own4), machine: proxytest.New(local), stats: new(proxy.Stats), served: make(chan struct{}),
	}
	l.tunnel.Add(host4)
	l.tunnel.Silence(silent)
	var err error
	if l.listener, err = l.machine.ListenTCP(netip.AddrPortFrom(local, 3128), 16); err != nil {
		t.Fatal(err)
	}
	config := proxyhttp.Config{
		Dialer: l.tunnel, Resolver: proxytest.Names{"www.example": {host4}}, Stats: l.stats, Logf: l.write, Errorf: l.write,
	}
	if change != nil {
		change(&config)
	}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(l.served)
		if err := proxyhttp.Serve(ctx, l.listener, config); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		l.cancel()
		<-l.served
		if got := l.stats.Snapshot().Active; got != 0 {
			t.Errorf("%d connections are left", got)
		}
	})
	return l
}

func (l *lab) write(format string, arguments ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, arguments...))
}

func (l *lab) log() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// serve starts a web server in the tunnel.
func (l *lab) serve(handler http.HandlerFunc) {
	l.t.Helper()
	listener := l.listen(80)
	server := &http.Server{Handler: handler}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	l.t.Cleanup(func() {
		server.Close()
		serving.Wait()
	})
}

func (l *lab) listen(port uint16) net.Listener {
	l.t.Helper()
	listener, err := l.tunnel.ListenTCP(netip.AddrPortFrom(host4, port), 16)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { listener.Close() })
	return listener
}

// raw starts a server in the tunnel that handles connections by itself.
func (l *lab) raw(handle func(net.Conn)) {
	l.t.Helper()
	listener := l.listen(80)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
}

// A visitor is a client's connection to the proxy.
type visitor struct {
	t *testing.T
	*proxytest.Conn
	reader *bufio.Reader
}

func (l *lab) visit() *visitor {
	l.t.Helper()
	conn, err := l.machine.DialFrom(context.Background(), local, netip.AddrPortFrom(local, 3128))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	return &visitor{l.t, conn, bufio.NewReader(conn)}
}

func (v *visitor) say(lines ...string) {
	v.t.Helper()
	if _, err := io.WriteString(v, strings.Join(lines, "\r\n")); err != nil {
		v.t.Errorf("writing: %v", err)
	}
}

// expect reads a response to a request of a method, and returns it and its body.
func (v *visitor) expect(method string, status int) (*http.Response, string) {
	v.t.Helper()
	response, err := http.ReadResponse(v.reader, &http.Request{Method: method})
	if err != nil {
		v.t.Fatalf("reading the response: %v", err)
	}
	var body []byte
	if method != http.MethodConnect || status != http.StatusOK {
		if body, err = io.ReadAll(response.Body); err != nil {
			v.t.Errorf("reading the body: %v", err)
		}
	}
	if response.StatusCode != status {
		v.t.Errorf("answered %s with %q, want %d", response.Status, body, status)
	}
	return response, string(body)
}

func (v *visitor) expectText(text string) {
	v.t.Helper()
	got := make([]byte, len(text))
	if length, err := io.ReadFull(v.reader, got); err != nil || string(got) != text {
		v.t.Errorf("read %q, %v, want %q", got[:length], err, text)
	}
}

func (v *visitor) expectEnd(want error) {
	v.t.Helper()
	length, err := v.reader.Read(make([]byte, 1))
	if length != 0 || !errors.Is(err, want) {
		v.t.Errorf("read %d bytes and %v, want %v", length, err, want)
	}
}

func TestConnect(t *testing.T) {
	for name, early := range map[string]string{"": "", "with the first bytes": "hello"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				l.raw(func(conn net.Conn) {
					_, _ = io.Copy(conn, conn)
					_ = conn.(*proxytest.Conn).CloseWrite()
				})
				v := l.visit()
				v.say("CONNECT www.example:80 HTTP/1.1", "Host: www.example:80", "", early)
				if response, _ := v.expect("CONNECT", 200); len(response.Header) > 0 {
					t.Errorf("answered with %v", response.Header)
				}
				if early == "" {
					v.say("hello")
				}
				v.expectText("hello")
				time.Sleep(time.Hour) // in the bubble: no limit of HTTP is left
				v.say("again")
				v.expectText("again")
				v.CloseWrite()
				v.expectEnd(io.EOF)
				synctest.Wait()
				if got := l.stats.Snapshot(); got.Sent != 10 || got.Received != 10 || got.Accepted != 1 || got.Active != 0 {
					t.Errorf("counted %+v", got)
				}
			})
		})
	}
}

func TestFailuresHaveTheirStatus(t *testing.T) {
	for name, test := range map[string]struct {
		lines  []string
		status int
		text   string
	}{
		"refused":           {[]string{"GET http://10.0.0.9:81/ HTTP/1.1"}, 502, "connection refused"},
		"unreachable":       {[]string{"GET http://192.0.2.1/ HTTP/1.1"}, 502, "192.0.2.1:80"},
		"silent":            {[]string{"GET http://10.0.0.66/ HTTP/1.1"}, 504, "no answer within 30s"},
		"no such name":      {[]string{"GET http://none.example/ HTTP/1.1"}, 502, "none.example"},
		"no IPv6":           {[]string{"GET http://[fd00::9]/ HTTP/1.1"}, 502, "fd00::9"},
		"CONNECT refused":   {[]string{"CONNECT 10.0.0.9:81 HTTP/1.1"}, 502, "connection refused"},
		"CONNECT silent":    {[]string{"CONNECT 10.0.0.66:80 HTTP/1.1"}, 504, "no answer within 30s"},
		"CONNECT unknown":   {[]string{"CONNECT none.example:80 HTTP/1.1"}, 502, "none.example"},
		"CONNECT port":      {[]string{"CONNECT www.example HTTP/1.1"}, 400, "HOST:PORT"},
		"no URL":            {[]string{"GET / HTTP/1.1"}, 400, "This is a proxy"},
		"asterisk":          {[]string{"OPTIONS * HTTP/1.1"}, 400, "This is a proxy"},
		"https":             {[]string{"GET https://www.example/ HTTP/1.1"}, 400, "CONNECT for all others, not https://"},
		"not HTTP":          {[]string{"hello"}, 400, ""},
		"header too long":   {[]string{"GET http://www.example/ HTTP/1.1", "X: " + strings.Repeat("x", 80<<10)}, 431, ""},
		"two lengths":       {[]string{"POST http://www.example/ HTTP/1.1", "Content-Length: 1", "Content-Length: 2"}, 400, ""},
		"no host":           {[]string{"GET http:///a HTTP/1.1"}, 400, ""},
		"port out of range": {[]string{"GET http://www.example:65536/ HTTP/1.1"}, 502, "65535"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				v := l.visit()
				lines := slices.Insert(slices.Clone(test.lines), 1, "Host: a")
				var sending sync.WaitGroup
				sending.Go(func() { _, _ = io.WriteString(v, strings.Join(append(lines, "", ""), "\r\n")) })
				_, body := v.expect("GET", test.status)
				if !strings.Contains(body, test.text) {
					t.Errorf("answered %q", body)
				}
				v.Close()
				sending.Wait()
			})
		})
	}
	t.Run("tunnel closed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, func(config *proxyhttp.Config) { config.Dialer = closed{} })
			for _, line := range []string{"GET http://10.0.0.9/ HTTP/1.1", "CONNECT 10.0.0.9:80 HTTP/1.1"} {
				v := l.visit()
				v.say(line, "Host: a", "", "")
				v.expect("GET", 503)
			}
		})
	})
}

// closed is a tunnel that has ended.
type closed struct{}

func (closed) DialTCP(context.Context, netip.AddrPort) (net.Conn, error) {
	return nil, fmt.Errorf("connecting: %w", net.ErrClosed)
}

func TestServersThatFailAreReported(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(net.Conn)
		text   string
	}{
		"closes":  {func(net.Conn) {}, "closed the connection without an answer"},
		"resets":  {func(conn net.Conn) { _ = conn.(*proxytest.Conn).Abort() }, "closed the connection without an answer"},
		"garbage": {func(conn net.Conn) { _, _ = io.WriteString(conn, "220 ftp.example ready\r\n") }, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				l.raw(func(conn net.Conn) {
					request, err := http.ReadRequest(bufio.NewReader(conn))
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, request.Body) // Otherwise the end may cut off sending it, before the answer is read.
					test.answer(conn)
				})
				v := l.visit()
				v.say("POST http://www.example/ HTTP/1.1", "Host: www.example", "Content-Length: 1", "", "a")
				if _, body := v.expect("POST", 502); !strings.Contains(body, test.text) {
					t.Errorf("answered %q", body)
				}
			})
		})
	}
}

// A response that ends early must not look complete.
func TestHalfAResponseIsNotPassedOnAsAWhole(t *testing.T) {
	for name, head := range map[string]string{
		"with a length": "Content-Length: 100\r\n", "chunked": "Transfer-Encoding: chunked\r\n", "until the end": "",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				l.raw(func(conn net.Conn) {
					_, _ = http.ReadRequest(bufio.NewReader(conn))
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+head+"\r\n")
					if name == "chunked" {
						_, _ = io.WriteString(conn, "4\r\n")
					}
					_, _ = io.WriteString(conn, "half")
					synctest.Wait()
					_ = conn.(*proxytest.Conn).Abort()
				})
				v := l.visit()
				v.say("GET http://www.example/ HTTP/1.0", "", "")
				response, err := http.ReadResponse(v.reader, nil)
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(response.Body); err == nil || string(body) != "half" {
					t.Errorf("read %q, %v", body, err)
				}
			})
		})
	}
}

func TestRequestsArePassedOnAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		var got []string
		l.raw(func(conn net.Conn) {
			reader := bufio.NewReader(conn)
			for {
				request, err := http.ReadRequest(reader)
				if err != nil {
					return
				}
				body, _ := io.ReadAll(request.Body)
				lines := []string{request.Method + " " + request.RequestURI, "Host: " + request.Host}
				var names []string
				for name := range request.Header {
					names = append(names, name)
				}
				slices.Sort(names)
				for _, name := range names {
					lines = append(lines, name+": "+strings.Join(request.Header[name], "|"))
				}
				got = append(got, strings.Join(append(lines, string(body)), "\n"))
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Own: a\r\nX-Own: b\r\n"+
					"Content-Encoding: gzip\r\nConnection: X-Private\r\nX-Private: p\r\nProxy-Authenticate: Basic\r\n\r\nok")
			}
		})
		v := l.visit()
		v.say("PATCH http://www.example:80/a%2Fb/../c?q=1;2&&%zz HTTP/1.1", "Host: other.example",
			"X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7", "Accept-Encoding: br", "Cookie: a=b", "Te: trailers",
			"Proxy-Authorization: Basic eDp5", "Proxy-Connection: keep-alive", "Proxy-Custom: c", "Keep-Alive: 300",
			"Connection: close-not, X-Hop", "X-Hop: h", "X-Twice: 1", "X-Twice: 2", "Content-Length: 4", "", "body")
		response, body := v.expect("PATCH", 200)
		if body != "ok" || !slices.Equal(response.Header["X-Own"], []string{"a", "b"}) ||
			response.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("answered %v, %q", response.Header, body)
		}
		for _, name := range []string{"X-Private", "Proxy-Authenticate", "Connection", "Content-Type", "Via"} {
			if values, exists := response.Header[name]; exists {
				t.Errorf("answered with %s: %v", name, values)
			}
		}
		// Everything on one connection, once that is free again, and nothing added.
		synctest.Wait()
		v.say("GET http://www.example HTTP/1.1", "Host: www.example", "", "")
		v.expect("GET", 200)
		synctest.Wait()
		v.say("DELETE http://www.example/d HTTP/1.1", "Host: www.example", "User-Agent: curl", "", "")
		v.expect("DELETE", 200)
		want := []string{
			"PATCH /a%2Fb/../c?q=1;2&&%zz\nHost: www.example:80\nAccept-Encoding: br\nContent-Length: 4\nCookie: a=b\n" +
				"Forwarded: for=192.0.2.7\nTe: trailers\nX-Forwarded-For: 192.0.2.7\nX-Twice: 1|2\nbody",
			"GET /\nHost: www.example\n", "DELETE /d\nHost: www.example\nUser-Agent: curl\n",
		}
		if !slices.Equal(got, want) {
			t.Errorf("passed on\n%s\nwant\n%s", strings.Join(got, "\n--\n"), strings.Join(want, "\n--\n"))
		}
		if dialled := l.tunnel.Dialled(); len(dialled) != 1 {
			t.Errorf("dialled %v", dialled)
		}
	})
}

// net/http guesses the type of a body that has none, which would say something that the server has not. It does so
// only if the body comes to it before a timer that runs out at once, so this needs real time, and some tries.
func TestNoTypeIsGuessed(t *testing.T) {
	l := newLab(t, nil)
	l.raw(func(conn net.Conn) {
		reader := bufio.NewReader(conn)
		for {
			if _, err := http.ReadRequest(reader); err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n<html>page</html>")
		}
	})
	v := l.visit()
	for range 1000 {
		v.say("GET http://www.example/ HTTP/1.1", "Host: www.example", "", "")
		response, _ := v.expect("GET", 200)
		if values, exists := response.Header["Content-Type"]; exists {
			t.Fatalf("answered with the type %q", values)
		}
	}
}

func TestAResponseStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		more := make(chan string)
		l.serve(func(response http.ResponseWriter, _ *http.Request) {
			response.Header().Set("Trailer", "X-Sum")
			for text := range more {
				_, _ = io.WriteString(response, text)
				response.(http.Flusher).Flush()
			}
			response.Header().Set("X-Sum", "42")
		})
		v := l.visit()
		v.say("GET http://www.example/ HTTP/1.1", "Host: www.example", "", "")
		more <- "first"
		response, err := http.ReadResponse(v.reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 5)
		if _, err := io.ReadFull(response.Body, text); err != nil || string(text) != "first" {
			t.Errorf("read %q, %v", text, err)
		}
		time.Sleep(time.Hour) // in the bubble
		more <- "second"
		close(more)
		rest, err := io.ReadAll(response.Body)
		if err != nil || string(rest) != "second" || response.Trailer.Get("X-Sum") != "42" {
			t.Errorf("read %q, %v, %v", rest, response.Trailer, err)
		}
	})
}

func TestMuchDataArrivesWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		l.serve(func(response http.ResponseWriter, request *http.Request) { _, _ = io.Copy(response, request.Body) })
		data := make([]byte, 3<<20+1)
		random := rand.NewChaCha8([32]byte{2})
		_, _ = random.Read(data)
		v := l.visit()
		var sending sync.WaitGroup
		sending.Go(func() {
			v.say("PUT http://www.example/ HTTP/1.1", "Host: www.example", fmt.Sprintf("Content-Length: %d", len(data)), "", string(data))
		})
		if _, body := v.expect("PUT", 200); body != string(data) {
			t.Errorf("%d bytes arrived", len(body))
		}
		sending.Wait()
		if got := l.stats.Snapshot(); got.Sent < uint64(len(data)) || got.Received < uint64(len(data)) {
			t.Errorf("counted %+v", got)
		}
	})
}

// A server that refuses an upload before it has come must be heard, and the upload not be asked for.
func TestExpectContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		l.serve(func(response http.ResponseWriter, request *http.Request) {
			if request.URL.Path == "/full" {
				response.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			body, _ := io.ReadAll(request.Body)
			_, _ = response.Write(body)
		})
		v := l.visit()
		v.say("POST http://www.example/room HTTP/1.1", "Host: www.example", "Expect: 100-continue", "Content-Length: 4", "", "")
		v.expect("POST", 100)
		v.say("body")
		if _, body := v.expect("POST", 200); body != "body" {
			t.Errorf("answered %q", body)
		}
		v.say("POST http://www.example/full HTTP/1.1", "Host: www.example", "Expect: 100-continue", "Content-Length: 4", "", "")
		v.expect("POST", 413)
	})
}

func TestUpgrades(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		l.raw(func(conn net.Conn) {
			request, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil || request.Header.Get("Upgrade") != "websocket" || request.Header.Get("Sec-Websocket-Key") != "k" {
				t.Errorf("asked %v, %v", request, err)
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
			_, _ = io.Copy(conn, conn)
		})
		v := l.visit()
		v.say("GET http://www.example/ HTTP/1.1", "Host: www.example", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: k", "", "")
		v.expect("GET", 101)
		v.say("frame")
		v.expectText("frame")
		v.Close()
		synctest.Wait()
		if got := l.stats.Snapshot(); got.Active != 0 {
			t.Errorf("counted %+v", got)
		}
		// The end of the proxy ends upgraded connections as well; newLab's clean-up waits for it.
		v = l.visit()
		v.say("GET http://www.example/ HTTP/1.1", "Host: www.example", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: k", "", "")
		v.expect("GET", 101)
		l.cancel()
		<-l.served
	})
}

func TestPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		users := proxy.NewUsers()
		if err := users.Read(strings.NewReader("alice:secret\nbob:with:colon")); err != nil {
			t.Fatal(err)
		}
		l := newLab(t, func(config *proxyhttp.Config) { config.Users = users })
		var passed int
		l.serve(func(_ http.ResponseWriter, request *http.Request) {
			passed++
			if len(request.Header["Proxy-Authorization"]) > 0 {
				t.Error("the password is passed on")
			}
		})
		encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
		for authorization, status := range map[string]int{
			"Basic " + encode("alice:secret"): 200, "basic  " + encode("bob:with:colon"): 200,
			"Basic " + encode("alice:hunter2"): 407, "Basic " + encode("alice"): 407, "Basic ***": 407, "Basic": 407, "": 407,
			"Bearer " + encode("alice:secret"): 407,
		} {
			v := l.visit()
			for range 2 { // The connection goes on, and each request counts for itself.
				v.say("GET http://www.example/ HTTP/1.1", "Host: www.example", "Proxy-Authorization: "+authorization, "", "")
				response, _ := v.expect("GET", status)
				if got := response.Header.Get("Proxy-Authenticate"); (status == 407) != strings.HasPrefix(got, "Basic realm=") {
					t.Errorf("for %q asks for %q", authorization, got)
				}
			}
			v.say("CONNECT www.example:80 HTTP/1.1", "Host: a", "Proxy-Authorization: "+authorization, "", "")
			v.expect("CONNECT", status)
		}
		if got := l.stats.Snapshot(); passed != 4 || got.Denied != 18 {
			t.Errorf("passed %d requests, counted %+v", passed, got)
		}
		for _, secret := range []string{"hunter2", "secret", encode("alice:secret"), encode("alice:hunter2")} {
			if strings.Contains(l.log(), secret) {
				t.Errorf("logged %q", l.log())
			}
		}
	})
}

// Connections to targets belong to one client's connection: some schemes authenticate a connection.
func TestConnectionsToTargetsAreNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		l.serve(func(http.ResponseWriter, *http.Request) {})
		for range 2 {
			v := l.visit()
			for range 3 {
				v.say("GET http://www.example/ HTTP/1.1", "Host: www.example", "", "")
				v.expect("GET", 200)
			}
			v.Close()
			synctest.Wait()
		}
		if dialled := l.tunnel.Dialled(); len(dialled) != 2 {
			t.Errorf("dialled %v", dialled)
		}
	})
}

func TestSlowAndSilentClientsEnd(t *testing.T) {
	for name, begin := range map[string]string{"silent": "", "one byte a second": "GET http://www.example/ HTTP/1.1"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				v, start := l.visit(), time.Now()
				var sending sync.WaitGroup
				sending.Go(func() {
					for _, character := range []byte(begin) {
						if _, err := v.Write([]byte{character}); err != nil {
							return
						}
						time.Sleep(time.Second) // in the bubble
					}
				})
				defer sending.Wait()
				_, _ = io.Copy(io.Discard, v.reader)
				// net/http stops writing, and waits half a second before it closes.
				if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
					t.Errorf("ended after %v", took)
				}
			})
		})
	}
	t.Run("slow upload", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, nil)
			l.serve(func(response http.ResponseWriter, request *http.Request) { _, _ = io.Copy(response, request.Body) })
			v := l.visit()
			v.say("PUT http://www.example/ HTTP/1.1", "Host: www.example", "Content-Length: 60", "", "")
			for range 60 {
				v.say("a")
				time.Sleep(time.Second)
			}
			v.expect("PUT", 200)
		})
	})
	t.Run("idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, nil)
			l.serve(func(http.ResponseWriter, *http.Request) {})
			v := l.visit()
			for range 2 {
				time.Sleep(9 * time.Second)
				v.say("GET http://www.example/ HTTP/1.1", "Host: www.example", "", "")
				v.expect("GET", 200)
			}
			begin := time.Now()
			v.expectEnd(io.EOF)
			if took := time.Since(begin); took != 5*time.Minute {
				t.Errorf("ended after %v", took)
			}
		})
	})
}

func TestAClientThatHangsUpEndsTheConnect(t *testing.T) {
	for _, line := range []string{"GET http://10.0.0.66/ HTTP/1.1", "CONNECT 10.0.0.66:80 HTTP/1.1"} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, nil)
			v := l.visit()
			v.say(line, "Host: a", "", "")
			synctest.Wait()
			begin := time.Now()
			v.Close()
			synctest.Wait()
			if got := l.stats.Snapshot(); got.Active != 0 || got.Failed != 0 || time.Since(begin) != 0 {
				t.Errorf("counted %+v after %v", got, time.Since(begin))
			}
			time.Sleep(time.Minute) // until net/http's own attempt has ended
		})
	}
}

func TestClosingTheListenerEndsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		release := make(chan struct{})
		l.serve(func(response http.ResponseWriter, _ *http.Request) {
			<-release
			_, _ = io.WriteString(response, "late")
		})
		idle, busy, tunnel := l.visit(), l.visit(), l.visit()
		busy.say("GET http://www.example/ HTTP/1.1", "Host: www.example", "", "")
		tunnel.say("CONNECT www.example:80 HTTP/1.1", "Host: a", "", "")
		tunnel.expect("CONNECT", 200)
		synctest.Wait()
		l.listener.Close()
		idle.expectEnd(io.EOF)
		close(release)
		if _, body := busy.expect("GET", 200); body != "late" {
			t.Errorf("answered %q", body)
		}
		tunnel.say("GET / HTTP/1.1", "Host: www.example", "", "")
		if _, body := tunnel.expect("GET", 200); body != "late" {
			t.Errorf("answered %q", body)
		}
		tunnel.Close()
		<-l.served
	})
}

func TestConnectionsBeyondTheLimitAreClosedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, func(config *proxyhttp.Config) { config.Max = 1 })
		l.serve(func(http.ResponseWriter, *http.Request) {})
		first := l.visit()
		synctest.Wait()
		for range 3 {
			l.visit().expectEnd(syscall.ECONNRESET)
			if got := l.stats.Snapshot().Active; got != 1 {
				t.Errorf("%d are open while one has a place", got)
			}
		}
		first.say("GET http://www.example/ HTTP/1.1", "Host: www.example", "", "")
		first.expect("GET", 200)
		synctest.Wait()
		if got := l.stats.Snapshot(); got.Refused != 3 || got.Active != 1 {
			t.Errorf("counted %+v", got)
		}
		if strings.Count(l.log(), "limit") != 1 {
			t.Errorf("logged %q", l.log())
		}
	})
}

// FuzzClients sends a client's bytes to a proxy. Whatever they are, it must come to an end, answer with HTTP, and send
// into the tunnel only requests that can be read, without what was meant for the proxy.
func FuzzClients(f *testing.F) {
	f.Add([]byte("GET http://www.example/ HTTP/1.1\r\nHost: www.example\r\nProxy-Authorization: Basic eDp5\r\n\r\n"))
	f.Add([]byte("POST http://www.example/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"))
	f.Add([]byte("POST http://www.example/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: Content-Length\r\n\r\nabc"))
	f.Add([]byte("CONNECT www.example:80 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte("\x05\x01\x00"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		synctest.Test(t, func(t *testing.T) { tryClient(t, sent) })
	})
}

func tryClient(t *testing.T, sent []byte) {
	l := newLab(t, nil)
	l.raw(func(conn net.Conn) {
		reader := bufio.NewReader(conn)
		for !bytes.HasPrefix(sent, []byte("CONNECT")) {
			request, err := http.ReadRequest(reader)
			if err != nil {
				var opError *net.OpError
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &opError) {
					t.Errorf("a request cannot be read: %v", err)
				}
				return
			}
			for name := range request.Header {
				if strings.HasPrefix(name, "Proxy-") {
					t.Errorf("passes on %s", name)
				}
			}
			if _, err := io.Copy(io.Discard, request.Body); err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	})
	v := l.visit()
	_, _ = v.Write(sent)
	v.CloseWrite()
	got, _ := io.ReadAll(v.reader)
	if len(got) > 0 && !bytes.HasPrefix(got, []byte("HTTP/1.")) {
		t.Errorf("answers %q", got)
	}
}
