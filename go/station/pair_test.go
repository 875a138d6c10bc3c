package station

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/device"

	"wg-bridge/go/inflight"
	"wg-bridge/go/netstack"
	"wg-bridge/go/resolve"
	"wg-bridge/go/testbed"
	"wg-bridge/go/udp"
)

// The addresses of the two ends of a pair. Nobody has silent4, though the tunnel leads there; elsewhere is outside it,
// and mute a peer's without endpoint.
var (
	near4     = netip.MustParseAddr("10.9.0.1")
	near6     = netip.MustParseAddr("fd09::1")
	far4      = netip.MustParseAddr("10.9.0.2")
	far6      = netip.MustParseAddr("fd09::2")
	silent4   = netip.MustParseAddr("10.9.0.3")
	elsewhere = netip.MustParseAddr("192.0.2.1")
	mute      = netip.MustParseAddr("10.9.0.4")
)

// testLimit bounds each wait of a test. A busy machine may take a while.
const testLimit = time.Minute

// names is a resolver that knows some names.
type names map[string][]netip.Addr

func (n names) Configure(servers []netip.Addr, search []string) {
	n["servers"] = servers
	for _, domain := range search {
		n["search "+domain] = servers
	}
}

func (n names) Failures() resolve.Reasons { return resolve.Reasons{NotFound: 2} }

func (n names) Lookup(ctx context.Context, name string, family int) (found []netip.Addr, _ error) {
	if name == "slow" {
		<-ctx.Done()
		return nil, &NameError{"EAI_AGAIN", ctx.Err()}
	}
	for _, address := range n[name] {
		if family == 0 || (family == 4) == address.Is4() {
			found = append(found, address)
		}
	}
	return found, nil
}

// A pair is two engines that reach each other over loopback: one behind a station, one whose network the test uses.
type pair struct {
	station    *Station
	near, far  *netstack.Device
	names      names
	configured chan net.Conn // what Configure was called with
	errors     *lines
	engine     *device.Device // of the near end
}

// lines are what was logged at error level.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) errorf(format string, arguments ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, fmt.Sprintf(format, arguments...))
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.text...)
}

func discard(string, ...any) {}

// newPair starts a pair, until the end of the test.
func newPair(t testing.TB, change func(*Config)) *pair {
	t.Helper()
	testbed.CheckLeaks(t, "no interface")
	keys := [2]*ecdh.PrivateKey{newKey(t), newKey(t)}
	p := &pair{names: names{}, configured: make(chan net.Conn, 1), errors: &lines{}}
	var nearPort, farPort uint16
	var farEngine *device.Device
	p.near, p.engine, nearPort = newEnd(t, keys[0], near4, near6)
	p.far, farEngine, farPort = newEnd(t, keys[1], far4, far6)
	introduce(t, p.engine, keys[1], farPort, p.near, far4, far6, silent4)
	introduce(t, farEngine, keys[0], nearPort, p.far, near4, near6)
	config := Config{
		Path:     filepath.Join(privateDirectory(t), "station"),
		Network:  p.near,
		Resolver: p.names,
		Reachable: func(address netip.Addr) error {
			if address == mute {
				return fmt.Errorf("%v: no endpoint: %w", address, syscall.EHOSTUNREACH)
			}
			return nil
		},
		Configure: func(connection net.Conn) { p.configured <- connection },
		Logf:      discard,
		Errorf:    p.errors.errorf,
		limits:    usualLimits,
	}
	if change != nil {
		change(&config)
	}
	var err error
	if p.station, err = Open(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.station.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// privateDirectory returns a directory with a path that is short enough for a socket.
func privateDirectory(t testing.TB) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "station")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}

func newKey(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newEnd starts an engine between a network and a UDP port.
func newEnd(t testing.TB, key *ecdh.PrivateKey, addresses ...netip.Addr) (*netstack.Device, *device.Device, uint16) {
	t.Helper()
	outbound, inbound := inflight.NewOutbound(256), inflight.NewInbound(256)
	network, err := netstack.New(netstack.Config{MTU: 1420, Outbound: outbound, Inbound: inbound})
	if err != nil {
		t.Fatal(err)
	}
	if err := network.SetAddresses(addresses); err != nil {
		t.Fatal(err)
	}
	bind := udp.NewBind(udp.Config{Offloads: udp.AllOffloads, Outbound: outbound, Inbound: inbound})
	engine := device.NewDevice(network, bind, &device.Logger{Verbosef: discard, Errorf: discard})
	t.Cleanup(func() {
		engine.Close()
		<-engine.Wait()
		network.Stack().Wait()
	})
	if err := errors.Join(engine.IpcSet("private_key="+hex.EncodeToString(key.Bytes())+"\n"), engine.Up()); err != nil {
		t.Fatal(err)
	}
	return network, engine, bind.Port()
}

// introduce makes an engine know a peer, which has these addresses.
func introduce(t testing.TB, engine *device.Device, key *ecdh.PrivateKey, port uint16, network *netstack.Device, addresses ...netip.Addr) {
	t.Helper()
	request := fmt.Sprintf("public_key=%x\nendpoint=127.0.0.1:%d\n", key.PublicKey().Bytes(), port)
	var routes []netip.Prefix
	for _, address := range addresses {
		routes = append(routes, netip.PrefixFrom(address, address.BitLen()))
		request += "allowed_ip=" + routes[len(routes)-1].String() + "\n"
	}
	if err := engine.IpcSet(request); err != nil {
		t.Fatal(err)
	}
	network.SetRoutes(routes)
}

// listen listens at the far end, until the end of the test.
func (p *pair) listen(t testing.TB, address netip.Addr) *netstack.Listener {
	t.Helper()
	listener, err := p.far.ListenTCP(netip.AddrPortFrom(address, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// echo listens at the far end, and sends everything back that comes.
func (p *pair) echo(t testing.TB) netip.AddrPort {
	t.Helper()
	// More than any test opens at once: with a full queue the stack answers with SYN cookies, and may take a repeated
	// segment of a connection that has ended for a new connection.
	listener, err := p.far.ListenTCP(netip.AddrPortFrom(far4, 0), 4096)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	open := map[*netstack.Conn]bool{}
	work.Go(func() {
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			work.Go(func() {
				_, _ = io.Copy(struct{ io.Writer }{conn}, conn) // ends when the other end does, however that is
				_ = conn.Close()
				mu.Lock()
				delete(open, conn)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			work.Wait()
		}()
		select {
		case <-ended:
			return
		case <-time.After(testLimit):
		}
		mu.Lock()
		t.Errorf("%d connections to the echo server did not end", len(open))
		for conn := range open {
			_ = conn.Abort()
		}
		mu.Unlock()
		<-ended
	})
	return listener.Local()
}

// accept accepts one connection at the far end.
func accept(t testing.TB, listener *netstack.Listener) *netstack.Conn {
	t.Helper()
	accepted := make(chan *netstack.Conn, 1)
	go func() {
		conn, err := listener.AcceptTCP()
		if err != nil {
			return
		}
		accepted <- conn
	}()
	select {
	case conn := <-accepted:
		if err := conn.SetDeadline(time.Now().Add(testLimit)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Abort() })
		return conn
	case <-time.After(testLimit):
		t.Fatal("no connection came")
		return nil
	}
}

// A fields is the JSON of a frame.
type fields map[string]any

// dial connects to the station's socket.
func (p *pair) dial(t testing.TB) *net.UnixConn {
	t.Helper()
	connection, err := p.tryToDial(t)
	if err != nil {
		t.Fatal(err)
	}
	return connection
}

// tryToDial connects. Without a test, nobody closes the connection but the caller.
func (p *pair) tryToDial(t testing.TB) (*net.UnixConn, error) {
	connection, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: p.station.config.Path})
	if err != nil {
		return nil, err
	}
	if t != nil {
		t.Cleanup(func() { _ = connection.Close() })
	}
	return connection, connection.SetDeadline(time.Now().Add(testLimit))
}

func send(t testing.TB, connection net.Conn, request fields) {
	t.Helper()
	if err := writeFrame(connection, request); err != nil {
		t.Fatal(err)
	}
}

func receive(t testing.TB, connection net.Conn) fields {
	t.Helper()
	answer, err := receiveFrame(connection)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func receiveFrame(connection net.Conn) (answer fields, err error) {
	text, err := readFrame(connection)
	if err != nil {
		return nil, err
	}
	return answer, json.Unmarshal(text, &answer)
}

// open opens a connection of some kind, and returns it with the answer.
func (p *pair) open(t testing.TB, request fields) (*net.UnixConn, fields) {
	t.Helper()
	connection, answer, err := p.tryToOpen(t, request)
	if err != nil {
		t.Fatal(err)
	}
	return connection, answer
}

// tryToOpen is open for goroutines other than the test's.
func (p *pair) tryToOpen(t testing.TB, request fields) (*net.UnixConn, fields, error) {
	connection, err := p.tryToDial(t)
	if err != nil {
		return nil, nil, err
	}
	request["v"] = version
	if err := writeFrame(connection, request); err != nil {
		return connection, nil, err
	}
	answer, err := receiveFrame(connection)
	return connection, answer, err
}

// connect opens a stream.
func (p *pair) connect(t testing.TB, to netip.AddrPort) (*net.UnixConn, uint64) {
	t.Helper()
	stream, answer := p.open(t, fields{"kind": "connect", "address": to.Addr(), "port": to.Port()})
	if answer["errno"] != nil {
		t.Fatal(answer)
	}
	return stream, uint64(answer["id"].(float64))
}

// A control is a client's control channel. It acknowledges each failure, once it has noted it.
type control struct {
	connection *net.UnixConn
	incoming   chan fields
	dropped    chan fields

	mu      sync.Mutex
	last    uint64
	answers map[uint64]chan fields
	failed  map[uint64]fields // by stream or datagram socket
	more    *sync.Cond        // failed has more
	silent  bool              // it acknowledges nothing
}

// open opens the control channel.
func (p *pair) control(t testing.TB) *control {
	t.Helper()
	connection, answer := p.open(t, fields{"kind": "control"})
	if len(answer) != 0 {
		t.Fatal(answer)
	}
	if err := connection.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	c := &control{
		connection: connection,
		incoming:   make(chan fields, 10_000), dropped: make(chan fields, 10_000),
		answers: make(map[uint64]chan fields), failed: make(map[uint64]fields),
	}
	c.more = sync.NewCond(&c.mu)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.read()
	}()
	t.Cleanup(func() {
		_ = connection.Close()
		<-ended
	})
	return c
}

func (c *control) read() {
	for {
		frame, err := receiveFrame(c.connection)
		if err != nil {
			return
		}
		c.mu.Lock()
		silent := c.silent
		answer := c.answers[number(frame["id"])]
		c.mu.Unlock()
		switch frame["event"] {
		case nil:
			answer <- frame
		case "incoming":
			c.incoming <- frame
		case "dropped":
			c.dropped <- frame
		case "failed":
			id := number(frame["stream"]) + number(frame["datagram"])
			c.mu.Lock()
			c.failed[id] = frame
			c.more.Broadcast()
			c.mu.Unlock()
			if frame["stream"] != nil && !silent {
				_ = writeFrame(c.connection, fields{"kind": "ack", "stream": id}) // the station may be gone
			}
		}
	}
}

func number(value any) uint64 {
	n, _ := value.(float64)
	return uint64(n)
}

// ask sends a request and returns its answer.
func (c *control) ask(t testing.TB, request fields) fields {
	t.Helper()
	answer := make(chan fields, 1)
	c.mu.Lock()
	c.last++
	id := c.last
	c.answers[id] = answer
	c.mu.Unlock()
	request["id"] = id
	send(t, c.connection, request)
	select {
	case got := <-answer:
		return got
	case <-time.After(testLimit):
		t.Fatalf("no answer to %v", request)
		return nil
	}
}

// failure returns what the client was told of a stream, or nil.
func (c *control) failure(id uint64) fields {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed[id]
}

// awaitFailure returns that once there is something.
func (c *control) awaitFailure(t testing.TB, id uint64) fields {
	t.Helper()
	told := make(chan fields, 1)
	go func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for c.failed[id] == nil {
			c.more.Wait()
		}
		told <- c.failed[id]
	}()
	return await(t, told, "the failure")
}

func await[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(testLimit):
		t.Fatalf("%s: not within %v", what, testLimit)
		panic("unreachable")
	}
}

// awaitCount returns once a figure of stats has a value.
func (c *control) awaitCount(t testing.TB, name string, want uint64) {
	t.Helper()
	for deadline := time.Now().Add(testLimit); ; {
		got := number(c.ask(t, fields{"kind": "stats"})[name])
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d %s, want %d", got, name, want)
		}
	}
}

// expectReset fails unless reading from the far end says that the near one has reset the connection.
func expectReset(t testing.TB, conn *netstack.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the far end reads %v, want ECONNRESET", err)
	}
}

// header returns what comes before a frame of so many bytes.
func header(length uint32) []byte { return binary.BigEndian.AppendUint32(nil, length) }
