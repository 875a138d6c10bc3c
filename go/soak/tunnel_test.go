package soak

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/foreground"
	"wg-bridge/go/testbed"
	"wg-bridge/go/tunnel"
	"wg-bridge/go/uapi"
)

// An end is one of the tunnels. Its interface is in a namespace of its own, or it has a station in place of both. It is
// configured through its UAPI socket or its station alone, whichever program runs it.
type end struct {
	name      string   // of the interface and of its namespace, or the path of the station's socket
	station   *station // nil: it has an interface
	ipv4      string
	ipv6      string
	key       *ecdh.PrivateKey
	relayPort uint16 // of 127.0.0.1: the endpoint of its peer
}

func newEnd(t testing.TB, name string, number int, relayPort uint16) *end {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &end{
		name: name, key: key, relayPort: relayPort,
		ipv4: fmt.Sprintf("10.9.0.%d", number), ipv6: fmt.Sprintf("fd09::%d", number),
	}
}

// isUserspace reports whether the end has a station in place of an interface.
func (e *end) isUserspace() bool { return filepath.IsAbs(e.name) }

// openTunnel runs a tunnel in this process until the test's end, without the features that the environment disables.
func openTunnel(t testing.TB, name string) {
	t.Helper()
	features, err := tunnel.ParseDisabled(os.Getenv(foreground.Disable))
	if err != nil {
		t.Fatal(err)
	}
	files, err := tunnel.Open(name, 0, tunnel.Given{})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := tunnel.Start(files, features, tunnel.NewLog(io.Discard, tunnel.Silent, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
}

// connect moves the interface to its namespace, configures its key, peers and addresses, and sets it up. It returns
// the UDP port of the tunnel, which stays in the namespace in which the tunnel was opened.
func (e *end) connect(ctx context.Context, t testing.TB, peers string) uint16 {
	t.Helper()
	private := "private_key=" + hex.EncodeToString(e.key.Bytes()) + "\n"
	if e.station != nil {
		if err := errors.Join(e.station.setNetwork([]string{e.ipv4, e.ipv6}, 0), e.set(ctx, private+peers)); err != nil {
			t.Fatal(err)
		}
	} else {
		testbed.Namespace(t, e.name)
		testbed.Run(t, "ip", "link", "set", e.name, "netns", e.name)
		for _, address := range []string{e.ipv4 + "/24", e.ipv6 + "/64"} {
			testbed.Run(t, "ip", "-n", e.name, "address", "add", address, "dev", e.name, "nodad")
		}
		if err := e.set(ctx, private+peers); err != nil {
			t.Fatal(err)
		}
		testbed.Run(t, "ip", "-n", e.name, "link", "set", e.name, "up")
	}
	for {
		status, err := e.status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		port, err := number(status, "listen_port")
		if err != nil {
			t.Fatal(err)
		}
		if port != 0 {
			return uint16(port)
		}
	}
}

func (e *end) peerLines(peer *end) string {
	return fmt.Sprintf("public_key=%s\nendpoint=127.0.0.1:%d\nallowed_ip=%s/32\nallowed_ip=%s/128\n",
		hex.EncodeToString(peer.key.PublicKey().Bytes()), e.relayPort, peer.ipv4, peer.ipv6)
}

// rekey removes the peer and adds it again in one request, and returns once there is a new session. The old session's
// keys go with the peer, so only a handshake makes a new one.
func (e *end) rekey(ctx context.Context, peer *end) error {
	public := hex.EncodeToString(peer.key.PublicKey().Bytes())
	// A keepalive starts the handshake at once; otherwise it would wait for TCP's next retry. Only one end has it:
	// two handshakes that cross fail both, and are retried after five seconds.
	const keepalive = "persistent_keepalive_interval=1\n"
	if err := e.set(ctx, "public_key="+public+"\nremove=true\n"+e.peerLines(peer)+keepalive); err != nil {
		return err
	}
	return e.awaitHandshake(ctx, time.Time{})
}

// awaitHandshake returns once the latest handshake is later than after.
func (e *end) awaitHandshake(ctx context.Context, after time.Time) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		latest, err := e.latestHandshake(ctx)
		if err != nil {
			return err
		}
		if latest.After(after) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: no handshake after %v: %w", e.name, after, context.Cause(ctx))
		}
	}
}

// latestHandshake returns when the latest handshake was, or the zero time before the first one.
func (e *end) latestHandshake(ctx context.Context) (time.Time, error) {
	status, err := e.status(ctx)
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := number(status, "last_handshake_time_sec")
	if err != nil || seconds == 0 {
		return time.Time{}, err
	}
	nanoseconds, err := number(status, "last_handshake_time_nsec")
	return time.Unix(seconds, nanoseconds), err
}

// setMTU changes the interface's MTU, in bytes.
func (e *end) setMTU(t *testing.T, mtu int) {
	t.Helper()
	if e.station != nil {
		if err := e.station.setNetwork([]string{e.ipv4, e.ipv6}, mtu); err != nil {
			t.Fatal(err)
		}
		return
	}
	testbed.Run(t, "ip", "-n", e.name, "link", "set", e.name, "mtu", strconv.Itoa(mtu))
}

func (e *end) status(ctx context.Context) (string, error) { return e.exchange(ctx, "get=1\n\n") }

// exchange sends a request to the tunnel, on a connection of its own as wg(8) does, and returns the answer.
func (e *end) exchange(ctx context.Context, request string) (string, error) {
	if e.station != nil {
		return e.station.exchange(ctx, request)
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", uapi.Path(e.name))
	if err != nil {
		return "", fmt.Errorf("connecting to %s: %w", e.name, err)
	}
	return exchangeOn(ctx, connection.(*net.UnixConn), request)
}

// number returns a field of a status, or 0 if the field is missing.
func number(status, field string) (int64, error) {
	found := regexp.MustCompile(`(?m)^` + field + `=(\d+)$`).FindStringSubmatch(status)
	if found == nil {
		return 0, nil
	}
	return strconv.ParseInt(found[1], 10, 64)
}

func (e *end) set(ctx context.Context, lines string) error {
	answer, err := e.exchange(ctx, "set=1\n"+lines+"\n")
	if err == nil && answer != "errno=0\n\n" {
		err = fmt.Errorf("configuring %s: the tunnel answered %q", e.name, answer)
	}
	return err
}

// exchangeOn sends a request on a connection, returns the answer, and closes the connection.
func exchangeOn(ctx context.Context, connection *net.UnixConn, request string) (_ string, err error) {
	defer func() { err = errors.Join(err, connection.Close()) }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := connection.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := io.WriteString(connection, request); err != nil {
		return "", fmt.Errorf("sending a request to a tunnel: %w", err)
	}
	if err := connection.CloseWrite(); err != nil {
		return "", fmt.Errorf("sending a request to a tunnel: %w", err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil {
		return "", fmt.Errorf("reading the answer of a tunnel: %w", err)
	}
	return string(answer), nil
}

// inNamespace calls f on a thread in the network namespace called name, and returns its result.
func inNamespace[T any](name string, f func() (T, error)) (result T, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // Never unlocked, so that the thread ends here and no other goroutine gets it.
		if err = enter(name); err == nil {
			result, err = f()
		}
	}()
	<-done
	return result, err
}

func enter(name string) error {
	fd, err := unix.Open("/run/netns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening the network namespace %s: %w", name, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the network namespace %s: %w", name, err)
	}
	return nil
}
