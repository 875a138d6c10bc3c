package station

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"wg-bridge/go/netstack"
	"wg-bridge/go/proxy"
)

// offer asks for proxies, and returns their number and addresses.
func offer(t testing.TB, c *control, spec fields) (id uint64, addresses fields) {
	t.Helper()
	answer := c.ask(t, fields{"kind": "proxy", "spec": spec})
	if answer["errno"] != nil {
		t.Fatal(answer)
	}
	return number(answer["id"]), answer["addresses"].(map[string]any)
}

func first(addresses fields, kind string) string { return addresses[kind].([]any)[0].(string) }

// dialHost connects to a proxy.
func dialHost(t testing.TB, address string) net.Conn {
	t.Helper()
	network := "tcp"
	if path, isPath := strings.CutPrefix(address, "unix:"); isPath {
		network, address = "unix", path
	}
	conn, err := net.DialTimeout(network, address, testLimit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// socks connects through a SOCKS5 proxy, and returns its reply.
func socks(t testing.TB, proxy, user, password, host string, port uint16) (net.Conn, byte) {
	t.Helper()
	conn := dialHost(t, proxy)
	method := byte(0)
	if user != "" {
		method = 2
	}
	write(t, conn, []byte{5, 1, method})
	if read(t, conn, 2)[1] == 0xff {
		return conn, 0xff
	}
	if user != "" {
		credentials := append([]byte{1, byte(len(user))}, user...)
		write(t, conn, append(append(credentials, byte(len(password))), password...))
		if read(t, conn, 2)[1] != 0 {
			return conn, 0xfe
		}
	}
	request := append([]byte{5, 1, 0, 3, byte(len(host))}, host...)
	write(t, conn, binary.BigEndian.AppendUint16(request, port))
	header := read(t, conn, 4)
	length := 4
	if header[3] == 4 {
		length = 16
	}
	read(t, conn, length+2)
	return conn, header[1]
}

func write(t testing.TB, conn net.Conn, data []byte) {
	t.Helper()
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, conn io.Reader, length int) []byte {
	t.Helper()
	data := make([]byte, length)
	if _, err := io.ReadFull(conn, data); err != nil {
		t.Fatal(err)
	}
	return data
}

// echoes checks that a connection reaches an echo server.
func echoes(t testing.TB, conn net.Conn) {
	t.Helper()
	write(t, conn, []byte("hello"))
	if got := string(read(t, conn, 5)); got != "hello" {
		t.Errorf("got %q back", got)
	}
}

// ended checks that nothing more comes on a connection.
func ended(t testing.TB, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes of a connection that should have ended", n)
	}
}

// refused checks that nobody listens at an address.
func refused(t testing.TB, address string) {
	t.Helper()
	if conn, err := net.DialTimeout("tcp", address, testLimit); err == nil {
		_ = conn.Close()
		t.Errorf("%s still accepts", address)
	}
}

func TestOneAddressSpeaksSOCKS5AndHTTP(t *testing.T) {
	p := newPair(t, nil)
	target := p.echo(t)
	p.names["far.example"] = []netip.Addr{far6, far4} // nobody listens at the first
	c := p.control(t)
	address := "unix:" + privateDirectory(t) + "/proxy"
	id, addresses := offer(t, c, fields{
		"socks5": []fields{{"listen": address, "users": "alice:secret\n"}},
		"http":   []fields{{"listen": address, "users": "bob:other\n"}},
	})
	if first(addresses, "socks5") != address || first(addresses, "http") != address {
		t.Errorf("listens at %v", addresses)
	}
	conn, reply := socks(t, address, "alice", "secret", "far.example", target.Port())
	if reply != 0 {
		t.Fatalf("reply %d", reply)
	}
	echoes(t, conn)
	for _, user := range []string{"", "bob"} {
		if _, reply := socks(t, address, user, "other", "far.example", target.Port()); reply < 0xfe {
			t.Errorf("admitted %q with reply %d", user, reply)
		}
	}
	if _, reply := socks(t, address, "alice", "secret", "none.example", 1); reply != 4 {
		t.Errorf("reply %d for a name without address", reply)
	}
	if _, reply := socks(t, address, "alice", "secret", elsewhere.String(), 1); reply != 4 {
		t.Errorf("reply %d for an address without a peer", reply)
	}
	_, plain := offer(t, c, fields{"http": []fields{{"listen": "127.0.0.1:0"}}})
	unreachable := dialHost(t, first(plain, "http"))
	write(t, unreachable, fmt.Appendf(nil, "CONNECT %v:1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", mute))
	if reason, err := io.ReadAll(unreachable); err != nil || !strings.Contains(string(reason), "no endpoint") {
		t.Errorf("a peer without endpoint: %q, %v", reason, err)
	}
	web := dialHost(t, address)
	write(t, web, fmt.Appendf(nil, "CONNECT %v HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic %s\r\n\r\n",
		target, base64.StdEncoding.EncodeToString([]byte("bob:other"))))
	response, err := http.ReadResponse(bufio.NewReaderSize(web, 16), nil)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	echoes(t, web)
	counts := c.ask(t, fields{"kind": "stats", "proxy": id})["counts"].(map[string]any)
	of := func(kind string) fields { return counts[kind].([]any)[0].(map[string]any) }
	if got := of("socks5"); got["accepted"] != 5. || got["denied"] != 2. || got["failed"] != 2. || got["sent"] != 5. {
		t.Errorf("SOCKS5 counted %v", got)
	}
	if got := of("http"); got["accepted"] != 1. || got["active"] != 1. || got["received"] != 5. {
		t.Errorf("HTTP counted %v", got)
	}
}

func TestAChangeEndsNoConnection(t *testing.T) {
	p := newPair(t, nil)
	target, other := p.echo(t), p.echo(t)
	c := p.control(t)
	spec := fields{
		"socks5":  []fields{{"listen": "127.0.0.1:0"}},
		"http":    []fields{{"listen": "127.0.0.1:0"}},
		"forward": []fields{{"protocol": "tcp", "listen": "127.0.0.1:0", "target": silent4.String() + ":1"}},
	}
	id, before := offer(t, c, spec)
	conn, reply := socks(t, first(before, "socks5"), "", "", far4.String(), target.Port())
	if reply != 0 {
		t.Fatalf("reply %d", reply)
	}
	web := dialHost(t, first(before, "http"))
	write(t, web, fmt.Appendf(nil, "CONNECT %v HTTP/1.1\r\nHost: a\r\n\r\n", target))
	if response, err := http.ReadResponse(bufio.NewReaderSize(web, 16), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	answer := c.ask(t, fields{"kind": "proxy", "proxy": id, "spec": fields{
		"socks5":  []fields{{"listen": "127.0.0.1:0", "users": "alice:secret\n"}, {"listen": "127.0.0.1:0"}},
		"forward": []fields{{"protocol": "tcp", "listen": "127.0.0.1:0", "target": other.String()}},
	}})
	after, ok := answer["addresses"].(map[string]any)
	if !ok {
		t.Fatal(answer)
	}
	if first(after, "socks5") != first(before, "socks5") || first(after, "forward") != first(before, "forward") {
		t.Errorf("listens at %v, and at %v before", after, before)
	}
	echoes(t, conn)
	echoes(t, web)
	refused(t, first(before, "http"))
	if _, reply := socks(t, first(after, "socks5"), "", "", far4.String(), target.Port()); reply != 0xff {
		t.Errorf("reply %d without a user", reply)
	}
	if conn, reply := socks(t, first(after, "socks5"), "alice", "secret", far4.String(), target.Port()); reply != 0 {
		t.Errorf("reply %d with a user", reply)
	} else {
		echoes(t, conn)
	}
	echoes(t, dialHost(t, first(after, "forward")))

	// What cannot be done changes nothing.
	for _, wrong := range []struct {
		spec fields
		want string
	}{
		{fields{"http": []fields{{"listen": first(after, "forward")}}}, "EADDRINUSE"},
		{fields{"http": []fields{{"listen": "example.org:80"}}}, "EINVAL"},
		{fields{"http": []fields{{"listen": "127.0.0.1:0", "users": "nobody"}}}, "EINVAL"},
		{fields{"allow": []string{"*"}}, "EINVAL"},
		{fields{"forward": []fields{{"protocol": "sctp", "listen": "127.0.0.1:0", "target": "a:1"}}}, "EINVAL"},
		{fields{"expose": []fields{{"protocol": "tcp", "port": 0, "target": "127.0.0.1:1"}}}, "EINVAL"},
	} {
		answer := c.ask(t, fields{"kind": "proxy", "proxy": id, "spec": wrong.spec})
		if answer["errno"] != wrong.want {
			t.Errorf("%v: %v", wrong.spec, answer)
		}
	}
	echoes(t, dialHost(t, first(after, "forward")))

	// An address may change what it is for.
	place := first(after, "socks5")
	answer = c.ask(t, fields{"kind": "proxy", "proxy": id, "spec": fields{
		"socks5": []fields{{"listen": place}}, "http": []fields{{"listen": place}},
	}})
	if answer["errno"] != "EADDRINUSE" {
		t.Errorf("a port that another entry has: %v", answer)
	}
}

func TestOnlyAllowedTargetsAreReached(t *testing.T) {
	p := newPair(t, nil)
	target := p.echo(t)
	p.names["a.example"] = []netip.Addr{far4}
	p.names["b.other"] = []netip.Addr{far4}
	c := p.control(t)
	spec := func(allow ...string) fields {
		return fields{"socks5": []fields{{"listen": "127.0.0.1:0"}}, "allow": allow}
	}
	id, addresses := offer(t, c, spec("*.example"))
	at := first(addresses, "socks5")
	try := func(host string, want byte) {
		t.Helper()
		if _, reply := socks(t, at, "", "", host, target.Port()); reply != want {
			t.Errorf("%s: reply %d, want %d", host, reply, want)
		}
	}
	try("A.Example.", 4) // not a name of the resolver, but allowed
	try("a.example", 0)
	try("b.other", 2)
	try(far4.String(), 2)
	for _, allow := range [][]string{{far4.String() + "/32"}, {"b.other", "192.0.2.0/24", far4.String() + "/32"}} {
		if answer := c.ask(t, fields{"kind": "proxy", "proxy": id, "spec": spec(allow...)}); answer["errno"] != nil {
			t.Fatal(answer)
		}
		try("b.other", 0)
		try("a.example", 0)
		try(far4.String(), 0)
		try(silent4.String(), 2)
	}
	if answer := c.ask(t, fields{"kind": "proxy", "proxy": id, "spec": fields{"socks5": spec()["socks5"], "allow": []string{}}}); answer["errno"] != nil {
		t.Fatal(answer)
	}
	try("a.example", 2)
}

func TestDatagramsGoToAllowedTargetsAlone(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	var sockets [2]*netstack.PacketConn
	for index, address := range []netip.Addr{far4, far6} {
		socket, err := p.far.BindUDP(netip.AddrPortFrom(address, 0))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.Close() })
		if err := socket.SetReadDeadline(time.Now().Add(testLimit)); err != nil {
			t.Fatal(err)
		}
		sockets[index] = socket
	}
	id, addresses := offer(t, c, fields{
		"socks5": []fields{{"listen": "127.0.0.1:0"}}, "allow": []string{far6.String() + "/128"},
	})
	conn := dialHost(t, first(addresses, "socks5"))
	write(t, conn, []byte{5, 1, 0})
	read(t, conn, 2)
	write(t, conn, []byte{5, 3, 0, 1, 0, 0, 0, 0, 0, 0})
	reply := read(t, conn, 10)
	relay, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", binary.BigEndian.Uint16(reply[8:])))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Close() })
	for _, socket := range sockets { // the one that is not allowed is first
		to := socket.LocalAddrPort()
		kind := byte(1)
		if to.Addr().Is6() {
			kind = 4
		}
		datagram := append([]byte{0, 0, 0, kind}, to.Addr().AsSlice()...)
		write(t, relay, append(binary.BigEndian.AppendUint16(datagram, to.Port()), "hello"...))
	}
	buffer := make([]byte, 16)
	if n, _, err := sockets[1].ReadFromAddrPort(buffer); err != nil || string(buffer[:n]) != "hello" {
		t.Fatal(string(buffer[:n]), err)
	}
	counts := c.ask(t, fields{"kind": "stats", "proxy": id})["counts"].(map[string]any)["socks5"].([]any)[0].(map[string]any)
	if counts["datagramsSent"] != 1. || counts["datagramsDropped"] != 1. {
		t.Errorf("counted %v", counts)
	}
}

func TestForwardsAndExposedPorts(t *testing.T) {
	p := newPair(t, nil)
	target := p.echo(t)
	c := p.control(t)
	local, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = local.Close() })
	localUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = localUDP.Close() })
	farUDP, err := p.far.BindUDP(netip.AddrPortFrom(far4, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = farUDP.Close() })
	_, addresses := offer(t, c, fields{
		"forward": []fields{
			{"protocol": "tcp", "listen": "127.0.0.1:0", "target": target.String()},
			{"protocol": "udp", "listen": "127.0.0.1:0", "target": farUDP.LocalAddrPort().String()},
		},
		"expose": []fields{
			{"protocol": "tcp", "port": 80, "target": local.Addr().String()},
			{"protocol": "udp", "port": 80, "target": localUDP.LocalAddr().String()},
		},
	})
	echoes(t, dialHost(t, first(addresses, "forward")))

	client, err := net.Dial("udp", addresses["forward"].([]any)[1].(string))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if err := client.SetDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	write(t, client, []byte("ping"))
	if err := farUDP.SetReadDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 16)
	n, from, err := farUDP.ReadFromAddrPort(buffer)
	if err != nil || string(buffer[:n]) != "ping" {
		t.Fatal(string(buffer[:n]), err)
	}
	if _, err := farUDP.WriteToAddrPort([]byte("pong"), from); err != nil {
		t.Fatal(err)
	}
	if got := string(read(t, client, 4)); got != "pong" {
		t.Errorf("got %q", got)
	}

	caller := p.call(t, netip.AddrPortFrom(near6, 80))
	callee, err := local.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = callee.Close() })
	write(t, caller, []byte("inwards"))
	if got := string(read(t, callee, 7)); got != "inwards" {
		t.Errorf("got %q", got)
	}
	if _, err := farUDP.WriteToAddrPort([]byte("inwards"), netip.AddrPortFrom(near4, 80)); err != nil {
		t.Fatal(err)
	}
	if err := localUDP.SetReadDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := localUDP.ReadFrom(buffer); err != nil || string(buffer[:n]) != "inwards" {
		t.Error(string(buffer[:n]), err)
	}
}

func TestProxiesEndAsTheirClientWants(t *testing.T) {
	p := newPair(t, nil)
	target := p.echo(t)
	c := p.control(t)
	spec := fields{"socks5": []fields{{"listen": "127.0.0.1:0"}}}
	open := func() (uint64, string, net.Conn) {
		id, addresses := offer(t, c, spec)
		conn, reply := socks(t, first(addresses, "socks5"), "", "", far4.String(), target.Port())
		if reply != 0 {
			t.Fatalf("reply %d", reply)
		}
		return id, first(addresses, "socks5"), conn
	}
	id, at, conn := open()
	if answer := c.ask(t, fields{"kind": "unproxy", "proxy": id}); answer["errno"] != nil {
		t.Error(answer)
	}
	refused(t, at)
	ended(t, conn)
	for _, kind := range []string{"stats", "proxy"} {
		if answer := c.ask(t, fields{"kind": kind, "proxy": id, "spec": fields{}}); answer["errno"] != "ENOENT" {
			t.Errorf("%s of a closed proxy: %v", kind, answer)
		}
	}

	id, at, conn = open()
	withdrawn := make(chan fields, 1)
	go func() {
		withdrawn <- c.ask(t, fields{"kind": "unproxy", "proxy": id, "timeout": testLimit.Milliseconds()})
	}()
	for isOpen := true; isOpen; { // until it has stopped accepting
		late, err := net.DialTimeout("tcp", at, testLimit)
		if isOpen = err == nil; isOpen {
			_ = late.Close()
		}
	}
	echoes(t, conn)
	_ = conn.Close()
	if answer := await(t, withdrawn, "the answer to unproxy"); answer["errno"] != nil {
		t.Error(answer)
	}

	_, at, conn = open()
	_ = c.connection.Close()
	ended(t, conn)
	refused(t, at)
}

// turnedAway checks that a proxy closes a connection at once, perhaps before it is known to be there.
func turnedAway(t testing.TB, address string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, testLimit)
	if err != nil {
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
		return
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	ended(t, conn)
}

func TestOneLimitIsForAllProxiesOfATunnel(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	spec := fields{"socks5": []fields{{"listen": "127.0.0.1:0"}}, "http": []fields{{"listen": "127.0.0.1:0"}}}
	oneID, one := offer(t, c, spec)
	twoID, two := offer(t, c, spec)
	for range proxy.DefaultMaxConnections {
		p.station.proxied.Open()
	}
	for _, addresses := range []fields{one, two} {
		turnedAway(t, first(addresses, "socks5"))
		turnedAway(t, first(addresses, "http"))
	}
	for _, id := range []uint64{oneID, twoID} {
		counts := c.ask(t, fields{"kind": "stats", "proxy": id})["counts"].(map[string]any)
		for _, kind := range []string{"socks5", "http"} {
			if got := counts[kind].([]any)[0].(map[string]any); got["refused"] != 1. {
				t.Errorf("%s over the limit counted %v", kind, got)
			}
		}
	}
	p.station.proxied.Close()
	target := p.echo(t)
	conn, reply := socks(t, first(two, "socks5"), "", "", far4.String(), target.Port())
	if reply != 0 {
		t.Fatalf("reply %d", reply)
	}
	turnedAway(t, first(one, "http"))
	echoes(t, conn)
}

func TestWhatIsInTheWayOfAProxyIsNamed(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	answer := c.ask(t, fields{"kind": "proxy", "spec": fields{
		"http": []fields{{"listen": "127.0.0.1:0"}, {"listen": taken.Addr().String()}},
	}})
	message, _ := answer["message"].(string)
	if answer["errno"] != "EADDRINUSE" || !strings.Contains(message, taken.Addr().String()) {
		t.Error(answer)
	}
	if answer := c.ask(t, fields{"kind": "proxy"}); answer["errno"] != "EINVAL" {
		t.Error(answer)
	}
}
