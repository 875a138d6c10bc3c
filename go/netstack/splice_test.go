package netstack

import (
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// socketPair returns two connected sockets. The first does not block.
func socketPair(t testing.TB) (near int, far *os.File) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(pair[0], true); err != nil {
		t.Fatal(err)
	}
	far = os.NewFile(uintptr(pair[1]), "far")
	t.Cleanup(func() {
		_ = unix.Close(pair[0])
		_ = far.Close()
	})
	return pair[0], far
}

// awaitInput returns once something waits in a socket, or it has ended.
func awaitInput(t testing.TB, fd int) {
	t.Helper()
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(testLimit.Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// spliceAll moves everything from a socket to a connection, and ends that.
func spliceAll(t testing.TB, fd int, to *Conn) (bytes int) {
	t.Helper()
	for {
		n, readErr, err := to.WriteFrom(fd)
		bytes += n
		switch {
		case err != nil:
			t.Errorf("after %d bytes: %v", bytes, err)
			return bytes
		case errors.Is(readErr, io.EOF):
			if err := to.CloseWrite(); err != nil {
				t.Error(err)
			}
			return bytes
		case errors.Is(readErr, unix.EAGAIN):
			awaitInput(t, fd)
		case readErr != nil:
			t.Errorf("after %d bytes: %v", bytes, readErr)
			return bytes
		}
		if err := to.WaitWritable(); err != nil {
			t.Errorf("after %d bytes: %v", bytes, err)
			return bytes
		}
	}
}

// The stack reads less than it has room for, or more: neither may change what arrives.
func TestWhatIsSplicedArrivesWholeWhileTheBuffersChange(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	fd, writer := socketPair(t)
	const size = 48 << 20
	sums := make(chan [sha256.Size]byte, 2)
	var running sync.WaitGroup
	running.Go(func() {
		source, hash := rand.NewChaCha8([32]byte{1}), sha256.New()
		for left, chunk := size, make([]byte, 100_003); left > 0; {
			chunk = chunk[:min(left, len(chunk))]
			_, _ = source.Read(chunk)
			_, _ = hash.Write(chunk)
			if _, err := writer.Write(chunk); err != nil {
				t.Error(err)
				break
			}
			left -= len(chunk)
		}
		_ = writer.Close()
		sums <- [sha256.Size]byte(hash.Sum(nil))
	})
	running.Go(func() {
		hash := sha256.New()
		if n, err := io.Copy(hash, server); err != nil || n != size {
			t.Errorf("%d of %d bytes arrived, %v", n, size, err)
		}
		sums <- [sha256.Size]byte(hash.Sum(nil))
	})
	done := make(chan struct{})
	running.Go(func() {
		endpoint := client.endpoint.(*tcp.Endpoint)
		for {
			select {
			case <-done:
				return
			default:
			}
			endpoint.SocketOptions().SetSendBufferSize(maxSendBuffer, false)
			resize(endpoint, initialBuffer, minBuffer)
		}
	})
	if n := spliceAll(t, fd, client); n != size {
		t.Errorf("the stack took %d of %d bytes", n, size)
	}
	close(done)
	running.Wait()
	if one, other := <-sums, <-sums; one != other {
		t.Error("other bytes arrived than were sent")
	}
}

func TestASpliceSaysWhyItEnds(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	fd, writer := socketPair(t)
	expect := func(when string, n int, readErr, err error, wantN int, wantReadErr, wantErr error) {
		t.Helper()
		if n != wantN || !errors.Is(readErr, wantReadErr) || !errors.Is(err, wantErr) {
			t.Errorf("%s: %d bytes, %v, %v", when, n, readErr, err)
		}
	}
	n, readErr, err := client.WriteFrom(fd)
	expect("with nothing to read", n, readErr, err, 0, unix.EAGAIN, nil)
	if _, err := writer.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	n, readErr, err = client.WriteFrom(fd)
	expect("with three bytes", n, readErr, err, 3, nil, nil)
	got := make([]byte, 3)
	if _, err := io.ReadFull(server, got); err != nil || string(got) != "abc" {
		t.Errorf("read %q, %v", got, err)
	}
	if err := client.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	n, readErr, err = client.WriteFrom(fd)
	expect("after the deadline", n, readErr, err, 0, nil, os.ErrDeadlineExceeded)
	if err := client.WaitWritable(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("waiting for room after the deadline: %v", err)
	}
	if err := client.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	n, readErr, err = client.WriteFrom(-1)
	expect("without a socket", n, readErr, err, 0, unix.EBADF, nil)
	_ = writer.Close()
	n, readErr, err = client.WriteFrom(fd)
	expect("at the end", n, readErr, err, 0, io.EOF, nil)
	_ = client.Close()
	n, readErr, err = client.WriteFrom(fd)
	expect("after the close", n, readErr, err, 0, nil, net.ErrClosed)
}

func TestRoomIsWaitedFor(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	fd, writer := socketPair(t)
	fill := func() {
		for {
			if _, err := writer.Write(make([]byte, 64<<10)); err != nil {
				t.Error(err)
			}
			for {
				_, failure, readErr := client.Splice(fd)
				if _, full := failure.(*tcpip.ErrWouldBlock); full {
					return
				}
				if errors.Is(readErr, unix.EAGAIN) {
					break
				}
			}
		}
	}
	fill()
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if err := client.WaitWritable(); err != nil {
			t.Errorf("waiting for room: %v", err)
		}
	})
	buffer := make([]byte, 1<<20)
	for client.endpoint.Readiness(unix.POLLOUT) == 0 {
		if _, err := server.Read(buffer); err != nil {
			t.Fatal(err)
		}
	}
	waiting.Wait()
	// A connection that is closed or has failed is not waited for.
	waiting.Go(func() {
		for {
			if err := client.WaitWritable(); errors.Is(err, net.ErrClosed) {
				return
			}
		}
	})
	_ = client.Close()
	waiting.Wait()
}

func TestPiecesFillTheSegmentsOfTheStack(t *testing.T) {
	for _, mtu := range []int{MinMTU, 1420, 9000, 40_000} {
		for _, ends := range [][2]netip.Addr{{near4, far4}, {near6, far6}} {
			var mu sync.Mutex
			lengths := make(map[int]int) // of the payloads, and how often
			near, far := newUnconnectedPair(t, Config{MTU: mtu})
			connect(t, wire{from: near, to: far, filter: func(packet []byte) bool {
				mu.Lock()
				defer mu.Unlock()
				if length := segmentOf(packet).payload; length > 0 {
					lengths[length]++
				}
				return true
			}}, wire{from: far, to: near})
			client, server := establish(t, near, far, ends[1])
			pieces := 3
			if _, err := client.Write(make([]byte, pieces*client.piece)); err != nil {
				t.Fatal(err)
			}
			if err := client.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, server); err != nil || n != int64(pieces*client.piece) {
				t.Fatalf("%d bytes, %v", n, err)
			}
			mu.Lock()
			if len(lengths) != 1 {
				t.Errorf("MTU %d, to %v: payloads of %v bytes (length: how many), all should be full", mtu, ends[1], lengths)
			}
			mu.Unlock()
		}
	}
}
