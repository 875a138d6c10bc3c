package soak

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
	"time"
)

// pieceLength is how many bytes a stream sends at a time.
const pieceLength = 64 << 10

// longAgo is a deadline that ends every pending read and write.
var longAgo = time.Unix(1, 0)

// A digest describes the bytes that passed one end of a stream.
type digest struct {
	bytes int64
	sum   [sha256.Size]byte
}

// A transfer compares what one end of a stream sent with what the other end received.
type transfer struct{ sent, received digest }

// expectWhole fails the test unless everything that was sent was received, and something was.
func (d transfer) expectWhole(t *testing.T, to string) {
	t.Helper()
	if d.sent != d.received || d.sent.bytes == 0 {
		t.Errorf("%s: sent %d bytes %x, received %d bytes %x",
			to, d.sent.bytes, d.sent.sum, d.received.bytes, d.received.sum)
	}
}

// A stream is one end of a TCP connection, or stands for it.
type stream interface {
	net.Conn
	CloseWrite() error
}

// A connection is a TCP connection between two tunnels, with both of its ends in this process.
type connection struct {
	near, far stream
	stop      func() bool
}

// dial connects from one end to an address of another, which has an interface. Every read and write fails once ctx is
// done, so that nothing hangs.
func dial(ctx context.Context, from, to *end, address string) (c connection, err error) {
	listener, err := inNamespace(to.name, func() (net.Listener, error) {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
	})
	if err != nil {
		return c, err
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	if c.near, err = from.dial(ctx, address, port); err != nil {
		return c, err
	}
	accepted, err := listener.Accept()
	if err != nil {
		return c, errors.Join(err, c.near.Close())
	}
	c.far = accepted.(*net.TCPConn)
	c.stop = context.AfterFunc(ctx, func() {
		_ = c.near.SetDeadline(longAgo)
		_ = c.far.SetDeadline(longAgo)
	})
	return c, nil
}

// dial connects from this end to an address and port.
func (e *end) dial(ctx context.Context, address string, port int) (stream, error) {
	if e.station != nil {
		return e.station.dial(ctx, address, port)
	}
	dialed, err := inNamespace(e.name, func() (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	})
	if err != nil {
		return nil, err
	}
	return dialed.(*net.TCPConn), nil
}

func (c connection) close() error {
	c.stop()
	return errors.Join(c.near.Close(), c.far.Close())
}

// streamBothWays connects from one end to an address of another, and sends pseudo-random bytes both ways
// until stop is closed, at least one piece each. It calls connected once the connection is made or has failed, and
// returns once each end has read the other's last byte.
func streamBothWays(ctx context.Context, from, to *end, address string, seed uint64, connected func(), stop <-chan struct{}) (_ [2]transfer, err error) {
	c, err := dial(ctx, from, to, address)
	connected()
	if err != nil {
		return [2]transfer{}, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	var transfers [2]transfer
	failures := make(chan error, len(transfers))
	for n, way := range [2]connection{c, {near: c.far, far: c.near}} {
		go func() {
			started := false
			var err error
			transfers[n], err = way.transfer(seed, uint64(n), func() (bool, error) {
				select {
				case <-stop:
					if started {
						return false, nil
					}
				default:
				}
				started = true
				return true, nil
			}, func(int64) {})
			failures <- err
		}()
	}
	for range transfers {
		err = errors.Join(err, <-failures)
	}
	if err != nil {
		return transfers, fmt.Errorf("the stream from %s to %s: %w", from.name, address, err)
	}
	return transfers, nil
}

// transfer sends pseudo-random pieces from the near end to the far one. It calls next before each piece, and stops
// once that returns false; it calls received with the number of bytes that have reached the far end.
func (c connection) transfer(seed, stream uint64, next func() (bool, error), received func(int64)) (d transfer, err error) {
	sent := make(chan error, 1)
	go func() {
		var err error
		d.sent, err = send(c.near, seed, stream, next)
		sent <- err
	}()
	d.received, err = receive(c.far, received)
	err = errors.Join(err, <-sent)
	return d, err
}

func send(to stream, seed, stream uint64, next func() (bool, error)) (d digest, err error) {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[0:], seed)
	binary.LittleEndian.PutUint64(key[8:], stream)
	random, hash, piece := rand.NewChaCha8(key), sha256.New(), make([]byte, pieceLength)
	for {
		more, err := next()
		if err != nil {
			return d, err
		}
		if !more {
			d.sum = [sha256.Size]byte(hash.Sum(nil))
			return d, to.CloseWrite()
		}
		_, _ = random.Read(piece) // never fails
		hash.Write(piece)
		n, err := to.Write(piece)
		d.bytes += int64(n)
		if err != nil {
			return d, err
		}
	}
}

func receive(from stream, received func(int64)) (d digest, err error) {
	hash, piece := sha256.New(), make([]byte, pieceLength)
	for {
		n, err := from.Read(piece)
		hash.Write(piece[:n])
		d.bytes += int64(n)
		received(d.bytes)
		if err == nil {
			continue
		}
		d.sum = [sha256.Size]byte(hash.Sum(nil))
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return d, err
	}
}
