package soak

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
)

// A digest is what one end of a stream has seen of it.
type digest struct {
	bytes int64
	sum   [sha256.Size]byte
}

// A direction is what was sent one way, and what arrived.
type direction struct{ sent, arrived digest }

// stream connects from one namespace to an address in another over TCP, and sends pseudo-random bytes
// both ways until stop is closed, and some in any case. It calls connected when it is, or cannot be, and
// returns once either end has read the other's last byte.
func stream(ctx context.Context, from, to, address string, seed uint64, connected func(), stop <-chan struct{}) (_ [2]direction, err error) {
	near, far, err := dial(ctx, from, to, address)
	connected()
	if err != nil {
		return [2]direction{}, err
	}
	release := cutOffWith(ctx, near, far)
	defer func() { err = errors.Join(err, release()) }()
	var directions [2]direction
	failures := make(chan error, 4)
	for n, way := range [2][2]*net.TCPConn{{near, far}, {far, near}} {
		go func() {
			var err error
			directions[n].sent, err = send(way[0], rand.NewPCG(seed, uint64(n)), stop)
			failures <- err
		}()
		go func() {
			var err error
			directions[n].arrived, err = receive(way[1])
			failures <- err
		}()
	}
	for range cap(failures) {
		err = errors.Join(err, <-failures)
	}
	if err != nil {
		return directions, fmt.Errorf("the stream from %s to %s: %w", from, address, err)
	}
	return directions, nil
}

// cutOffWith ends what hangs when ctx does: the reads and writes of both ends then fail. release closes them.
func cutOffWith(ctx context.Context, near, far *net.TCPConn) (release func() error) {
	keep := context.AfterFunc(ctx, func() {
		_ = near.SetDeadline(aLongTimeAgo)
		_ = far.SetDeadline(aLongTimeAgo)
	})
	return func() error {
		keep()
		return errors.Join(near.Close(), far.Close())
	}
}

func dial(ctx context.Context, from, to, address string) (near, far *net.TCPConn, err error) {
	listener, err := inNamespace(to, func() (net.Listener, error) {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
	})
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	dialed, err := inNamespace(from, func() (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
	})
	if err != nil {
		return nil, nil, err
	}
	accepted, err := listener.Accept()
	if err != nil {
		return nil, nil, errors.Join(err, dialed.Close())
	}
	return dialed.(*net.TCPConn), accepted.(*net.TCPConn), nil
}

func send(to *net.TCPConn, source *rand.PCG, stop <-chan struct{}) (d digest, err error) {
	hash, piece := sha256.New(), make([]byte, 64<<10)
	for {
		for i := 0; i < len(piece); i += 8 {
			word := source.Uint64()
			for j := range 8 {
				piece[i+j] = byte(word >> (8 * j))
			}
		}
		if _, err := to.Write(piece); err != nil {
			return d, err
		}
		hash.Write(piece)
		d.bytes += int64(len(piece))
		select {
		case <-stop:
			d.sum = [sha256.Size]byte(hash.Sum(nil))
			return d, to.CloseWrite()
		default:
		}
	}
}

func receive(from *net.TCPConn) (d digest, err error) {
	hash := sha256.New()
	d.bytes, err = io.Copy(hash, from)
	d.sum = [sha256.Size]byte(hash.Sum(nil))
	return d, err
}
