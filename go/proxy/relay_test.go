package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wg-bridge/go/netstack"
	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/proxytest"
	"wg-bridge/go/proxy/userspace"
)

// A halfCloser is a connection that can be half-closed.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// A trial is a relay in the middle of two connections.
type trial struct {
	client, target halfCloser // the far ends
	stats          *proxy.Stats
	cancel         context.CancelFunc
	ended          chan struct{}
}

func start(t *testing.T, clientEnd, client, target, targetEnd net.Conn) *trial {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &trial{clientEnd.(halfCloser), targetEnd.(halfCloser), new(proxy.Stats), cancel, make(chan struct{})}
	go func() {
		defer close(r.ended)
		proxy.Relay(ctx, client, target, r.stats)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
		r.client.Close()
		r.target.Close()
	})
	return r
}

// inMemory starts a relay of streams in memory.
func inMemory(t *testing.T) *trial {
	t.Helper()
	network := proxytest.New(own4)
	clientEnd, client := memoryPair(t, network)
	target, targetEnd := memoryPair(t, network)
	return start(t, clientEnd, client, target, targetEnd)
}

// memoryPair returns both ends of a connection in memory.
func memoryPair(t *testing.T, network *proxytest.Network) (net.Conn, net.Conn) {
	t.Helper()
	return networkPair(t, network, host4)
}

// userspacePair returns both ends of a connection of a tunnel to itself.
func userspacePair(t *testing.T) (net.Conn, net.Conn) {
	t.Helper()
	device, err := netstack.New(netstack.Config{MTU: 1420})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	if err := device.SetAddresses([]netip.Addr{own4}); err != nil {
		t.Fatal(err)
	}
	return networkPair(t, userspace.Network(device), own4)
}

// networkPair returns both ends of a connection to an address of a network.
func networkPair(t *testing.T, network proxy.Network, at netip.Addr) (net.Conn, net.Conn) {
	t.Helper()
	listener, err := network.ListenTCP(netip.AddrPortFrom(at, 0), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	first, err := network.DialTCP(context.Background(), listener.Addr().(*net.TCPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	second, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return first, second
}

// kernelPair returns both ends of a connection of the kernel.
func kernelPair(t *testing.T, network string) (net.Conn, net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	first, err := net.Dial(network, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	second, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return first, second
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
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Errorf("read %q, %v, want %q", got, err, text)
	}
}

func expectEnd(t *testing.T, conn net.Conn, want error) {
	t.Helper()
	length, err := conn.Read(make([]byte, 1))
	if length != 0 || !errors.Is(err, want) {
		t.Errorf("read %d bytes and %v, want %v", length, err, want)
	}
}

// everywhere runs a test on streams of memory and of the kernel, and from the kernel to a tunnel.
func everywhere(t *testing.T, test func(t *testing.T, r *trial)) {
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, inMemory(t)) })
	})
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			clientEnd, client := kernelPair(t, network)
			target, targetEnd := kernelPair(t, "tcp")
			test(t, start(t, clientEnd, client, target, targetEnd))
		})
		t.Run(network+" to userspace", func(t *testing.T) {
			clientEnd, client := kernelPair(t, network)
			target, targetEnd := userspacePair(t)
			test(t, start(t, clientEnd, client, target, targetEnd))
		})
	}
}

func TestEachSideEndsByItself(t *testing.T) {
	everywhere(t, func(t *testing.T, r *trial) {
		say(t, r.client, "question")
		expect(t, r.target, "question")
		r.client.CloseWrite()
		expectEnd(t, r.target, io.EOF)
		say(t, r.target, "answer")
		expect(t, r.client, "answer")
		r.target.CloseWrite()
		expectEnd(t, r.client, io.EOF)
		<-r.ended
		if got := r.stats.Snapshot(); got.Sent != 8 || got.Received != 6 {
			t.Errorf("counted %+v", got)
		}
	})
	everywhere(t, func(t *testing.T, r *trial) {
		say(t, r.target, "greeting")
		r.target.CloseWrite()
		expect(t, r.client, "greeting")
		expectEnd(t, r.client, io.EOF)
		say(t, r.client, "answer")
		expect(t, r.target, "answer")
		r.client.CloseWrite()
		expectEnd(t, r.target, io.EOF)
		<-r.ended
	})
}

func TestAResetIsPassedOn(t *testing.T) {
	everywhere(t, func(t *testing.T, r *trial) {
		say(t, r.target, "half an ans")
		expect(t, r.client, "half an ans")
		proxy.Abort(r.target)
		if _, isUnix := r.client.(*net.UnixConn); isUnix {
			expectEnd(t, r.client, io.EOF) // A Unix socket cannot be reset.
		} else {
			expectEnd(t, r.client, syscall.ECONNRESET)
		}
		<-r.ended
	})
	everywhere(t, func(t *testing.T, r *trial) {
		if _, isUnix := r.client.(*net.UnixConn); isUnix {
			return
		}
		say(t, r.client, "half a quest")
		expect(t, r.target, "half a quest")
		proxy.Abort(r.client)
		expectEnd(t, r.target, syscall.ECONNRESET)
		<-r.ended
	})
}

func TestTheEndOfTheContextResetsBoth(t *testing.T) {
	everywhere(t, func(t *testing.T, r *trial) {
		say(t, r.client, "a")
		expect(t, r.target, "a")
		r.cancel()
		expectEnd(t, r.target, syscall.ECONNRESET)
		<-r.ended
	})
}

// A server that does not want an upload answers and closes. The answer must arrive, although the client goes on
// sending to nobody, and the client must not hold the relay open forever.
func TestAnEarlyAnswerArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t)
		say(t, r.client, "upload")
		expect(t, r.target, "upload")
		say(t, r.target, "too large")
		r.target.Close()
		synctest.Wait()
		var upload sync.WaitGroup
		upload.Go(func() {
			for {
				if _, err := r.client.Write(make([]byte, 1<<16)); err != nil {
					return
				}
				time.Sleep(time.Millisecond) // in the bubble
			}
		})
		synctest.Wait()
		expect(t, r.client, "too large")
		expectEnd(t, r.client, io.EOF)
		begin := time.Now()
		<-r.ended
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("ended after %v", took)
		}
		upload.Wait()
	})
	// On the kernel's own streams: bytes that the client's kernel still has must not be thrown away by a reset.
	clientEnd, client := kernelPair(t, "tcp")
	target, targetEnd := kernelPair(t, "tcp")
	r := start(t, clientEnd, client, target, targetEnd)
	answer := bytes.Repeat([]byte("no"), 100_000)
	var upload sync.WaitGroup
	upload.Go(func() {
		for range 64 {
			if _, err := r.client.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
		r.client.CloseWrite()
	})
	if _, err := io.ReadFull(r.target, make([]byte, 1<<16)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.target.Write(answer); err != nil {
		t.Fatal(err)
	}
	r.target.CloseWrite()
	got, err := io.ReadAll(r.client)
	if err != nil || !bytes.Equal(got, answer) {
		t.Errorf("%d of %d bytes arrived, %v", len(got), len(answer), err)
	}
	proxy.Abort(r.target)
	upload.Wait()
	<-r.ended
}

// A client that uploads after its target has ended its own side is not limited in time.
func TestALongUploadAfterTheTargetsEndIsNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t)
		r.target.CloseWrite()
		expectEnd(t, r.client, io.EOF)
		time.Sleep(time.Hour) // in the bubble
		say(t, r.client, "late")
		expect(t, r.target, "late")
	})
}

func TestMuchDataArrivesWhole(t *testing.T) {
	everywhere(t, func(t *testing.T, r *trial) {
		random := rand.NewChaCha8([32]byte{1})
		up, down := make([]byte, 5<<20+7), make([]byte, 3<<20+1)
		_, _ = random.Read(up)
		_, _ = random.Read(down)
		var running sync.WaitGroup
		send := func(conn halfCloser, data []byte) {
			running.Go(func() {
				if _, err := conn.Write(data); err != nil {
					t.Error(err)
				}
				conn.CloseWrite()
			})
		}
		receive := func(conn net.Conn, want []byte) {
			running.Go(func() {
				if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes of %d arrived, or others: %v", len(got), len(want), err)
				}
			})
		}
		send(r.client, up)
		send(r.target, down)
		receive(r.client, down)
		receive(r.target, up)
		running.Wait()
		<-r.ended
		if got := r.stats.Snapshot(); got.Sent != uint64(len(up)) || got.Received != uint64(len(down)) {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestWhatWasReadBeforeComesFirst(t *testing.T) {
	type pair func() (net.Conn, net.Conn)
	memory := func() (net.Conn, net.Conn) { return memoryPair(t, proxytest.New(own4)) }
	kernel := func() (net.Conn, net.Conn) { return kernelPair(t, "tcp") }
	tunnel := func() (net.Conn, net.Conn) { return userspacePair(t) }
	for _, pairs := range [][2]pair{{memory, memory}, {kernel, kernel}, {kernel, tunnel}} {
		clientEnd, client := pairs[0]()
		target, targetEnd := pairs[1]()
		say(t, clientEnd, "c")
		r := start(t, clientEnd, proxy.Begun(proxy.Begun(client, []byte("b")), []byte("a")), target, targetEnd)
		expect(t, r.target, "abc")
	}
}
