package userspace

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/curve25519"
	"golang.org/x/sys/unix"

	"wg-bridge/go/status"
	"wg-bridge/go/testbed"
	"wg-bridge/go/tunnel"
)

// userspaceLimit bounds each wait of a test of a userspace network. A busy machine may take a while.
const userspaceLimit = time.Minute

// A client uses the station of a userspace tunnel.
type client struct {
	tunnel  *tunnel.Tunnel
	path    string
	control net.Conn
	public  string // the tunnel's key, in hex
}

// startUserspace starts a tunnel that no interface, no directory of the system and no privilege is needed for.
func startUserspace(t *testing.T, log tunnel.Log, address netip.Addr) *client {
	t.Helper()
	directory, err := os.MkdirTemp("", "userspace")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	c := &client{path: filepath.Join(directory, "station")}
	if c.tunnel, err = Start(Config{Station: c.path, Client: os.Getpid()}, tunnel.AllFeatures, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.tunnel.Close(); err != nil {
			t.Error(err)
		}
	})
	var answer map[string]any
	c.control, answer = c.open(t, map[string]any{"kind": "control"})
	expectDone(t, answer)
	private := [32]byte{1: byte(address.As4()[3]), 31: 0x40}
	public, err := curve25519.X25519(private[:], curve25519.Basepoint)
	if err != nil {
		t.Fatal(err)
	}
	c.public = fmt.Sprintf("%x", public)
	c.configure(t, fmt.Sprintf("private_key=%x\n", private))
	c.request(t, map[string]any{"kind": "network", "addresses": []string{address.String()}})
	return c
}

func expectDone(t *testing.T, answer map[string]any) {
	t.Helper()
	if answer["errno"] != nil {
		t.Fatal(answer)
	}
}

func writeRequest(t *testing.T, to io.Writer, request map[string]any) {
	t.Helper()
	text, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)); err != nil {
		t.Fatal(err)
	}
}

func readReply(t *testing.T, from io.Reader) (answer map[string]any) {
	t.Helper()
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(from, text)
	if err = errors.Join(err, json.Unmarshal(text, &answer)); err != nil {
		t.Fatal(err)
	}
	return answer
}

// open opens a connection of some kind to the station.
func (c *client) open(t *testing.T, request map[string]any) (net.Conn, map[string]any) {
	t.Helper()
	connection, err := net.Dial("unix", c.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(userspaceLimit)); err != nil {
		t.Fatal(err)
	}
	request["v"] = 1
	writeRequest(t, connection, request)
	return connection, readReply(t, connection)
}

// request asks on the control channel.
func (c *client) request(t *testing.T, request map[string]any) map[string]any {
	t.Helper()
	request["id"] = 1
	writeRequest(t, c.control, request)
	answer := readReply(t, c.control)
	expectDone(t, answer)
	return answer
}

// configure runs one set over the station, and expects it to succeed.
func (c *client) configure(t *testing.T, lines string) {
	t.Helper()
	connection, answer := c.open(t, map[string]any{"kind": "uapi"})
	expectDone(t, answer)
	if _, err := connection.Write([]byte("set=1\n" + lines + "\n")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("errno=0\n\n"))
	if _, err := io.ReadFull(connection, got); err != nil || string(got) != "errno=0\n\n" {
		t.Fatalf("%q, %v", got, err)
	}
	_ = connection.Close()
}

// port returns the tunnel's UDP port.
func (c *client) port(t *testing.T) (port uint16) {
	t.Helper()
	err := c.tunnel.ReadConfiguration(func(line []byte) {
		if text, found := strings.CutPrefix(string(line), "listen_port="); found {
			number, err := strconv.ParseUint(text, 10, 16)
			if err != nil {
				t.Fatal(err)
			}
			port = uint16(number)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// peerOf returns the lines that make a tunnel know another one. Without a port it has no endpoint.
func peerOf(peer *client, port uint16, allowed ...string) string {
	lines := "public_key=" + peer.public + "\nreplace_allowed_ips=true\n"
	if port != 0 {
		lines += fmt.Sprintf("endpoint=127.0.0.1:%d\n", port)
	}
	for _, one := range allowed {
		lines += "allowed_ip=" + one + "\n"
	}
	return lines
}

func TestTwoUserspaceTunnelsCarryAStream(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	log := tunnel.NewLog(io.Discard, tunnel.Silent, Name)
	one := startUserspace(t, log, netip.MustParseAddr("10.9.0.1"))
	other := startUserspace(t, log, netip.MustParseAddr("10.9.0.2"))
	connect := func(to string, port any) (net.Conn, map[string]any) {
		return one.open(t, map[string]any{"kind": "connect", "address": to, "port": port})
	}
	refused := func(what, to, message string) {
		t.Helper()
		_, answer := connect(to, 80)
		if text, _ := answer["message"].(string); answer["errno"] != "EHOSTUNREACH" || !strings.Contains(text, message) {
			t.Errorf("%s: %v", what, answer)
		}
	}
	refused("before there is a peer", "10.9.0.2", "there are none")
	one.configure(t, peerOf(other, 0, "10.9.0.0/24"))
	refused("a peer without endpoint", "10.9.0.2", "the peer of 10.9.0.2, whose allowed IPs 10.9.0.0/24 hold it, has no endpoint")
	one.configure(t, peerOf(other, other.port(t), "10.9.0.2/32"))
	refused("an address that the peer no longer has", "10.9.0.3", "10.9.0.2/32")
	other.configure(t, peerOf(one, 0, "10.9.0.1/32")) // It gets its endpoint from the first message.

	listening := other.request(t, map[string]any{"kind": "listen"})
	stream, answer := connect("10.9.0.2", listening["port"])
	expectDone(t, answer)
	if answer["localAddress"] != "10.9.0.1" {
		t.Error(answer)
	}
	accepted := other.accept(t)
	if _, err := stream.Write([]byte("through the tunnel")); err != nil {
		t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(accepted); string(got) != "through the tunnel" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	// The other end has met its peer meanwhile.
	if _, answer := other.open(t, map[string]any{"kind": "connect", "address": "10.9.0.1", "port": 80}); answer["errno"] != "ECONNREFUSED" {
		t.Errorf("back: %v", answer)
	}
	if _, answer := one.open(t, map[string]any{"kind": "connect", "host": "far.example", "port": 80}); answer["errno"] != "ENOTFOUND" {
		t.Errorf("a name: %v", answer)
	}
	if err := one.tunnel.Close(); err != nil {
		t.Error(err)
	}
	if end, err := one.tunnel.End(); end != tunnel.Closed || err != nil {
		t.Errorf("End = %s, %v", end, err)
	}
	if _, err := os.Stat(one.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket: %v", err)
	}
	if _, err := one.tunnel.Exchange([]byte("get=1\n\n"), make([]byte, 4096)); !errors.Is(err, unix.ENODEV) {
		t.Errorf("Exchange: %v", err)
	}
}

// connect returns both ends of a stream from one tunnel to the other.
func connect(t *testing.T, one, other *client) (stream, accepted net.Conn) {
	t.Helper()
	one.configure(t, peerOf(other, other.port(t), "10.9.0.2/32"))
	other.configure(t, peerOf(one, 0, "10.9.0.1/32"))
	listening := other.request(t, map[string]any{"kind": "listen"})
	stream, answer := one.open(t, map[string]any{"kind": "connect", "address": "10.9.0.2", "port": listening["port"]})
	expectDone(t, answer)
	return stream, other.accept(t)
}

// accept returns the stream that arrives next.
func (c *client) accept(t *testing.T) net.Conn {
	t.Helper()
	incoming := readReply(t, c.control)
	accepted, answer := c.open(t, map[string]any{"kind": "accept", "stream": incoming["stream"]})
	expectDone(t, answer)
	return accepted
}

func TestTheOtherEndsOfStreamsLearnThatTheTunnelIsClosed(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	log := tunnel.NewLog(io.Discard, tunnel.Silent, Name)
	one := startUserspace(t, log, netip.MustParseAddr("10.9.0.1"))
	other := startUserspace(t, log, netip.MustParseAddr("10.9.0.2"))
	_, accepted := connect(t, one, other)
	if err := one.tunnel.Close(); err != nil {
		t.Error(err)
	}
	if failed := readReply(t, other.control); failed["event"] != "failed" || failed["errno"] != "ECONNRESET" {
		t.Errorf("told %v, want that the stream was reset", failed)
	} else {
		writeRequest(t, other.control, map[string]any{"kind": "ack", "stream": failed["stream"]})
	}
	if got, err := io.ReadAll(accepted); len(got) > 0 || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAUserspaceTunnelThatCannotStartSaysWhyAndLeavesNothing(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	log := tunnel.NewLog(io.Discard, tunnel.Silent, Name)
	directory, err := os.MkdirTemp("", "userspace")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	taken := filepath.Join(directory, "taken")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		config Config
		code   status.Code
		errno  unix.Errno
	}{
		"a small MTU":       {Config{Station: filepath.Join(directory, "station"), MTU: 1279}, status.Value, unix.EINVAL},
		"a large MTU":       {Config{Station: filepath.Join(directory, "station"), MTU: 65536}, status.Value, unix.EINVAL},
		"a path too long":   {Config{Station: filepath.Join(directory, strings.Repeat("x", 100))}, status.Value, unix.EINVAL},
		"no such directory": {Config{Station: filepath.Join(directory, "gone", "station")}, status.SocketDirectory, unix.ENOENT},
		"in use":            {Config{Station: taken}, status.SocketInUse, unix.EADDRINUSE},
		"others may write":  {Config{Station: "/tmp/station-of-nobody"}, status.Untrusted, unix.EPERM},
	} {
		started, err := Start(test.config, tunnel.AllFeatures, log)
		if started != nil || status.CodeOf(err) != test.code || !errors.Is(err, test.errno) {
			t.Errorf("%s: %v, %s", name, err, status.CodeOf(err))
		}
	}
}

func TestPeersAreFoundByTheLongestAllowedIP(t *testing.T) {
	var reader peerReader
	for _, line := range []string{
		"private_key=00", "public_key=01", "endpoint=192.0.2.1:51820", "allowed_ip=10.0.0.0/8", "allowed_ip=fd00::/8",
		"public_key=02", "allowed_ip=10.9.0.0/16", "allowed_ip=::/0",
	} {
		reader.read([]byte(line))
	}
	table, ranges := reader.finish()
	if len(ranges) != 4 {
		t.Errorf("ranges %v", ranges)
	}
	for address, want := range map[string]string{
		"10.1.2.3": "10.0.0.0/8 true", "10.9.2.3": "10.9.0.0/16 false", "192.0.2.1": "invalid Prefix false",
		"fd09::1": "fd00::/8 true", "2001:db8::1": "::/0 false",
	} {
		prefix, hasEndpoint, found := table.find(netip.MustParseAddr(address))
		if got := fmt.Sprint(prefix, hasEndpoint); got != want || found != prefix.IsValid() {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
