package host_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/forward"
	"wg-bridge/go/proxy/host"
	"wg-bridge/go/resolve"
)

func parse(t *testing.T, text string) host.Address {
	t.Helper()
	address, err := host.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func TestAddresses(t *testing.T) {
	for text, test := range map[string]struct {
		want      string
		isPrivate bool
	}{
		"127.0.0.1:80": {"127.0.0.1:80", true}, "[::1]:80": {"[::1]:80", true}, "localhost:80": {"127.0.0.1:80", true},
		"0.0.0.0:80": {"0.0.0.0:80", false}, "[::]:0": {"[::]:0", false}, "192.0.2.1:80": {"192.0.2.1:80", false},
		"unix:/run/proxy": {"unix:/run/proxy", true}, "[::ffff:127.0.0.1]:80": {"[::ffff:127.0.0.1]:80", true},
	} {
		address := parse(t, text)
		if address.String() != test.want || address.IsPrivate() != test.isPrivate {
			t.Errorf("%s is %v, private %v", text, address, address.IsPrivate())
		}
	}
	for _, text := range []string{
		"", "80", "127.0.0.1", "127.0.0.1:65536", "www.example:80", ":80", "unix:", "unix:@abstract",
		"unix:/" + strings.Repeat("a", 107), "::1:80",
	} {
		if address, err := host.ParseAddress(text); err == nil {
			t.Errorf("%q is taken as %v", text, address)
		}
	}
}

func TestUnixSockets(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "proxy")
	address := parse(t, "unix:"+path)
	listener, err := address.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found, err := os.Stat(path)
	if err != nil || found.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket is %v, %v", found, err)
	}
	if _, err := address.Listen(ctx); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a second listener: %v", err)
	}
	conn, err := address.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	// As if its owner had been killed.
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	listener.Close()
	if listener, err = address.Listen(ctx); err != nil {
		t.Fatalf("a dead socket is in the way: %v", err)
	}
	listener.Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := address.Listen(ctx); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file is in the way: %v", err)
	}
	if kept, err := os.ReadFile(path); err != nil || string(kept) != "precious" {
		t.Errorf("the file is %q, %v", kept, err)
	}
}

func TestLocalhostIsBothFamilies(t *testing.T) {
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6: ", err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	conn, err := parse(t, "localhost:"+port).Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// A server on this machine, offered in the tunnel as if that were another address of loopback.
func TestDatagramsToThisMachine(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	front, err := parse(t, "127.0.0.1:0").ListenPacket()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		open := parse(t, server.LocalAddr().String()).OpenUDP
		if err := forward.ServeDatagrams(ctx, front, open, forward.Config{}); err != nil {
			t.Error(err)
		}
	})
	client, err := net.Dial("udp", front.LocalAddrPort().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, size := range []int{0, 1, 1400, 65507} {
		sent := bytes.Repeat([]byte("a"), size)
		if _, err := client.Write(sent); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 65535)
		length, from, err := server.ReadFrom(buffer)
		if err != nil || length != size {
			t.Fatalf("%d of %d bytes arrived, %v", length, size, err)
		}
		if _, err := server.WriteTo(buffer[:length], from); err != nil {
			t.Fatal(err)
		}
		if length, err = client.Read(buffer); err != nil || length != size {
			t.Fatalf("%d of %d bytes came back, %v", length, size, err)
		}
	}
	cancel()
	serving.Wait()
}

// That nobody listens at the target must not end a client's socket: somebody may later.
func TestATargetThatStartsLaterIsReached(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := server.LocalAddr().String()
	socket, err := parse(t, address).OpenUDP(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	received := make(chan string, 1)
	var receiving sync.WaitGroup
	receiving.Go(func() {
		err := socket.Receive(func(data []byte) { received <- string(data) })
		if !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	server.Close()
	for range 10 { // Each is answered with an error of ICMP, which the next call gets.
		if err := socket.Send([]byte("lost")); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
	}
	if server, err = net.ListenPacket("udp", address); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := socket.Send([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 16)
	length, from, err := server.ReadFrom(buffer)
	if err != nil || string(buffer[:length]) != "hello" {
		t.Fatalf("received %q, %v", buffer[:length], err)
	}
	if _, err := server.WriteTo([]byte("answer"), from); err != nil {
		t.Fatal(err)
	}
	if got := <-received; got != "answer" {
		t.Errorf("received %q", got)
	}
	socket.Close()
	receiving.Wait()
}

func TestAListenerThatIsExposedReachesAUnixSocket(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	target := parse(t, "unix:"+filepath.Join(t.TempDir(), "web"))
	web, err := target.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	listener, err := parse(t, "127.0.0.1:0").Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := forward.Serve(ctx, listener, target.Dial, forward.Config{Stats: new(proxy.Stats)}); err != nil {
			t.Error(err)
		}
	})
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	served, err := web.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(client, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := client.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(served); err != nil || string(got) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}
	served.Close()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	cancel()
	serving.Wait()
}

func TestASocketOfAClientAtOneAddress(t *testing.T) {
	conn, err := host.Sockets{}.ListenPacket(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	if local := conn.LocalAddrPort(); !local.Addr().IsLoopback() || local.Port() == 0 {
		t.Errorf("bound to %v", local)
	}
	ended := make(chan error)
	go func() { ended <- proxy.Receive(conn, 0, func([]byte, netip.AddrPort) {}) }()
	conn.Close() // wakes the reader
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestASilentResolverIsReportedInOurWords(t *testing.T) {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	_, err := host.Lookup(ctx, "www.example", resolve.Any)
	var known *resolve.Error
	if !errors.As(err, &known) || known.Code != resolve.TryAgain || known.Reason != "this machine's resolver did not answer in time" {
		t.Errorf("looked up: %v", err)
	}
}
