package netstack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"

	"wg-bridge/go/testbed"
)

// exchange sends size random bytes each way at the same time, in writes of all lengths, and compares their SHA-256.
func exchange(t testing.TB, seed uint64, size int, a, b *Conn) {
	t.Helper()
	var running sync.WaitGroup
	for i, ends := range [][2]*Conn{{a, b}, {b, a}} {
		sums := make(chan [sha256.Size]byte, 2)
		running.Go(func() {
			// A source for each direction: neither may be used by two.
			source, hash := rand.NewChaCha8([32]byte{byte(seed), byte(i)}), sha256.New()
			lengths, buffer := rand.New(rand.NewPCG(seed, uint64(i))), make([]byte, 300_000)
			for left := size; left > 0; {
				chunk := buffer[:min(left, 1+lengths.IntN(len(buffer)))]
				_, _ = source.Read(chunk)
				_, _ = hash.Write(chunk)
				if n, err := ends[0].Write(chunk); err != nil || n != len(chunk) {
					t.Errorf("wrote %d of %d bytes, with %d to come: %v", n, len(chunk), left, err)
					break
				}
				left -= len(chunk)
			}
			if err := ends[0].CloseWrite(); err != nil {
				t.Error(err)
			}
			sums <- [sha256.Size]byte(hash.Sum(nil))
		})
		running.Go(func() {
			hash := sha256.New()
			if n, err := io.Copy(hash, ends[1]); err != nil || n != int64(size) {
				t.Errorf("read %d of %d bytes: %v", n, size, err)
			}
			sums <- [sha256.Size]byte(hash.Sum(nil))
		})
		defer func() {
			if one, other := <-sums, <-sums; one != other {
				t.Errorf("direction %d: other bytes arrived than were sent", i)
			}
		}()
	}
	running.Wait()
}

// unread returns how many bytes wait for a reader.
func unread(c *Conn) int {
	n, err := c.Endpoint().GetSockOptInt(tcpip.ReceiveQueueSizeOption)
	if err != nil {
		return 0
	}
	return n
}

func TestStreamsArriveUnchanged(t *testing.T) {
	for _, mtu := range []int{MinMTU, 1420, 9000, MaxMTU} {
		t.Run(fmt.Sprint(mtu), func(t *testing.T) {
			near, far := newPair(t, Config{MTU: mtu})
			for i, address := range []netip.Addr{far4, far6} {
				client, server := establish(t, near, far, address)
				exchange(t, uint64(i), 4<<20/scale, client, server)
			}
		})
	}
}

func TestAHalfClosedConnectionGoesOnTheOtherWay(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, server, nil)
	if _, err := client.Write([]byte("more")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a write after CloseWrite = %v, want EPIPE", err)
	}
	for range 3 {
		if _, err := server.Write([]byte("still here")); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 100)
		if n, err := client.Read(buffer); err != nil || string(buffer[:n]) != "still here" {
			t.Fatalf("read %q, %v", buffer[:n], err)
		}
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, client, nil)
}

func TestAnAbortedConnectionIsResetForBothSidesAndStaysSo(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far6)
	waiting := make(chan error, 1)
	go func() { _, err := client.Read(make([]byte, 1)); waiting <- err }()
	if err := server.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := testbed.Wait(t, waiting, "the end of a read"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a read that waits = %v, want ECONNRESET", err)
	}
	for range 2 { // The stack tells it once.
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Read = %v, want ECONNRESET", err)
		}
		if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Write = %v, want ECONNRESET", err)
		}
	}
	if _, err := server.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write of the end that aborted = %v", err)
	}
	if err := server.Abort(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second Abort = %v", err)
	}
}

func TestWhatArrivedBeforeAResetIsReadFirst(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	if _, err := server.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the bytes", func() bool { return unread(client) == 10 })
	if err := server.Abort(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(client)
	if string(got) != "last words" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestCloseWithUnreadBytesResets(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	if _, err := client.Write([]byte("never read")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the bytes", func() bool { return unread(server) > 0 })
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read = %v, want ECONNRESET", err)
	}
}

func TestCloseSendsWhatWasWritten(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	sent := make([]byte, 500_000)
	if _, err := client.Write(sent); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, server, sent)
}

func TestADialEndsWithItsContext(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	d := newDevice(t, Config{}, near4)
	d.SetRoutes([]netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")})
	connect(t, wire{from: d, to: d, filter: func([]byte) bool { return false }}) // All is lost.
	target := netip.AddrPortFrom(far4, 80)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := d.DialTCP(ctx, netip.AddrPort{}, target)
	var timeout net.Error
	if !errors.Is(err, syscall.ETIMEDOUT) || !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("after its time: %v", err)
	}
	if !strings.HasSuffix(err.Error(), "no answer before the time limit") {
		t.Errorf("after its time: %v", err)
	}
	cancelled, stop := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	before := d.Stack().Stats().TCP.ActiveConnectionOpenings.Value()
	go func() { _, err := d.DialTCP(cancelled, netip.AddrPort{}, target); failed <- err }()
	waitFor(t, "SYN", func() bool { return d.Stack().Stats().TCP.ActiveConnectionOpenings.Value() > before })
	stop()
	if err := testbed.Wait(t, failed, "the end of DialTCP"); !errors.Is(err, syscall.ECANCELED) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := d.DialTCP(cancelled, netip.AddrPort{}, target); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	waitFor(t, "the end of both attempts", func() bool { return len(d.Stack().RegisteredEndpoints()) == 0 })
}

func TestADialFromAnAddressAndPort(t *testing.T) {
	near, far := newPair(t, Config{})
	listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	local := netip.AddrPortFrom(near4, 4321)
	conn, err := near.DialTCP(limited(t), local, listener.Local())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Abort()
	if conn.Local() != local || conn.LocalAddr().String() != local.String() {
		t.Errorf("from %v", conn.Local())
	}
	if _, err := near.DialTCP(limited(t), local, listener.Local()); !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("from a port in use: %v", err)
	}
	other, err := near.DialTCP(limited(t), netip.AddrPortFrom(netip.Addr{}, 4322), listener.Local())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Abort()
	if other.Local() != netip.AddrPortFrom(near4, 4322) {
		t.Errorf("from %v", other.Local())
	}
	if _, err := near.DialTCP(limited(t), netip.AddrPortFrom(far4, 0), listener.Local()); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("from another's address: %v", err)
	}
}

func TestDeadlinesEndCallsThatWaitAndCanBeSetAnew(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	for _, set := range []func(*Conn){
		func(c *Conn) { _ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) },
		func(c *Conn) { _ = c.SetDeadline(time.Now().Add(-time.Second)) },
	} {
		failed := make(chan error, 1)
		_ = client.SetReadDeadline(time.Time{})
		go func() { _, err := client.Read(make([]byte, 1)); failed <- err }()
		set(client)
		if err := testbed.Wait(t, failed, "the end of Read"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read = %v", err)
		}
	}
	_ = client.SetDeadline(time.Time{})
	if _, err := server.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("a read after the deadline was removed: %d, %v", n, err)
	}
	sent := make([]byte, 64<<20) // more than all buffers hold
	blocked := make(chan struct{})
	go func() {
		defer close(blocked)
		waitFor(t, "the first bytes", func() bool { return unread(server) > 0 })
		_ = client.SetWriteDeadline(time.Now().Add(time.Millisecond))
	}()
	written, err := client.Write(sent)
	<-blocked
	if !errors.Is(err, os.ErrDeadlineExceeded) || written == 0 || written == 64<<20 {
		t.Errorf("wrote %d bytes, %v", written, err)
	}
	_ = client.SetWriteDeadline(time.Time{})
	go func() { _ = client.CloseWrite() }()
	if n, err := io.Copy(io.Discard, server); n != int64(written) || err != nil {
		t.Errorf("%d of %d bytes arrived: %v", n, written, err)
	}
}

func TestCloseEndsCallsThatWait(t *testing.T) {
	near, far := newPair(t, Config{})
	for name, end := range map[string]func(*Conn) error{"Close": (*Conn).Close, "Abort": (*Conn).Abort} {
		client, server := establish(t, near, far, far4)
		failed := make(chan error, 2)
		go func() { _, err := client.Read(make([]byte, 1)); failed <- err }()
		go func() { _, err := client.Write(make([]byte, 64<<20)); failed <- err }()
		waitFor(t, "the first bytes", func() bool { return unread(server) > 0 })
		if err := end(client); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := testbed.Wait(t, failed, "the end of Read and Write"); !errors.Is(err, net.ErrClosed) {
				t.Errorf("after %s: %v", name, err)
			}
		}
		for _, call := range []error{
			client.CloseWrite(), client.CloseRead(), client.SetDeadline(time.Time{}), client.SetNoDelay(true),
			client.SetKeepAlive(time.Second, 0, 0), client.Close(),
		} {
			if !errors.Is(call, net.ErrClosed) {
				t.Errorf("after %s: %v", name, call)
			}
		}
	}
}

func TestKeepAliveFindsOutThatTheOtherEndIsGone(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	near, far := newDevice(t, Config{}, near4), newDevice(t, Config{}, far4)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32)})
	far.SetRoutes([]netip.Prefix{netip.PrefixFrom(near4, 32)})
	var mu sync.Mutex
	cut := false
	filter := func([]byte) bool { mu.Lock(); defer mu.Unlock(); return !cut }
	connect(t, wire{from: near, to: far, filter: filter}, wire{from: far, to: near, filter: filter})
	client, _ := establish(t, near, far, far4)
	if client.Endpoint().SocketOptions().GetKeepAlive() {
		t.Error("connections are probed unless asked for")
	}
	if err := client.SetKeepAlive(20*time.Millisecond, 20*time.Millisecond, 2); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	cut = true
	mu.Unlock()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("Read = %v, want ETIMEDOUT", err)
	}
	if err := client.SetKeepAlive(0, 0, 0); err != nil {
		t.Error(err)
	}
}

func TestSmallWritesWaitOnlyIfAskedTo(t *testing.T) {
	near, far := newPair(t, Config{})
	client, _ := establish(t, near, far, far4)
	if client.Endpoint().SocketOptions().GetDelayOption() {
		t.Error("small writes wait by default")
	}
	if err := client.SetNoDelay(false); err != nil || !client.Endpoint().SocketOptions().GetDelayOption() {
		t.Errorf("they do not wait when asked to: %v", err)
	}
}
