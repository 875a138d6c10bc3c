package soak

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"wg-bridge/go/testbed"
)

const (
	pieceLength = 64 << 10 // bytes
	// floodLength is how many packets go to a peer that does not answer before each piece of a stream to
	// one that does: about twice as many as the piece's own.
	floodLength = 100
)

// star opens a hub and its peers in this process, each in a namespace of its own. Nothing is impaired.
func star(ctx context.Context, t *testing.T, prefix string, peers int) (hub *end, others []*end) {
	t.Helper()
	var ends []*end
	for n := range 1 + peers {
		name := fmt.Sprintf("%s%d", prefix, n)
		openTunnel(t, name)
		ends = append(ends, newEnd(t, name, n+1, 0))
	}
	hub, others = ends[0], ends[1:]
	port := hub.connect(ctx, t, "")
	for _, other := range others {
		other.relayPort = port
		hub.relayPort = other.connect(ctx, t, other.peerLines(hub))
		if err := hub.set(ctx, hub.peerLines(other)); err != nil {
			t.Fatal(err)
		}
	}
	return hub, others
}

// transfer sends pieces from one end to another, calls before ahead of each, and after with the bytes
// that have arrived.
func transfer(ctx context.Context, from, to *end, pieces int, before func() error, after func(arrived int64)) (d direction, err error) {
	near, far, err := dial(ctx, from.name, to.name, to.ipv4)
	if err != nil {
		return d, err
	}
	release := cutOffWith(ctx, near, far)
	defer func() { err = errors.Join(err, release()) }()
	sent := make(chan error, 1)
	go func() {
		random, hash, piece := rand.NewChaCha8([32]byte{byte(pieces)}), sha256.New(), make([]byte, pieceLength)
		sent <- func() error {
			for range pieces {
				_, _ = random.Read(piece) // never fails
				hash.Write(piece)
				if err := before(); err != nil {
					return err
				}
				n, err := near.Write(piece)
				d.sent.bytes += int64(n)
				if err != nil {
					return err
				}
			}
			d.sent.sum = [sha256.Size]byte(hash.Sum(nil))
			return near.CloseWrite()
		}()
	}()
	hash, piece := sha256.New(), make([]byte, pieceLength)
	for err == nil {
		var n int
		n, err = far.Read(piece)
		hash.Write(piece[:n])
		d.arrived.bytes += int64(n)
		after(d.arrived.bytes)
	}
	d.arrived.sum = [sha256.Size]byte(hash.Sum(nil))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return d, errors.Join(err, <-sent)
}

// expectWhole fails the test unless all that was sent arrived.
func expectWhole(t *testing.T, d direction, err error) {
	t.Helper()
	if err != nil || d.sent != d.arrived {
		t.Errorf("sent %d bytes %x, %d bytes %x arrived: %v", d.sent.bytes, d.sent.sum, d.arrived.bytes, d.arrived.sum, err)
	}
}

func TestAPeerThatDoesNotAnswerHoldsUpNoOther(t *testing.T) {
	testbed.RequireSandbox(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("the stream stalled"))
	defer cancel()
	hub, others := star(ctx, t, "wgsd", 1)
	// Where the dead peer should be somebody takes what comes, and says nothing.
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	dead := newEnd(t, "", 9, 0)
	hub.relayPort = silent.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	if err := hub.set(ctx, hub.peerLines(dead)); err != nil {
		t.Fatal(err)
	}
	flood, err := inNamespace(hub.name, func() (net.Conn, error) { return net.Dial("udp4", dead.ipv4+":9") })
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	packet := make([]byte, 1000)
	d, err := transfer(ctx, hub, others[0], 256, func() error {
		for range floodLength {
			if _, err := flood.Write(packet); err != nil {
				return err
			}
		}
		return nil
	}, func(int64) {})
	expectWhole(t, d, err)
}

// leastShare is the part of what the fastest stream carried that each other one must have carried
// meanwhile. What TCP makes of a shared queue varies widely; who is held up gets next to nothing.
const leastShare = 0.01

func TestPeersOfOneInterfaceShareIt(t *testing.T) {
	testbed.RequireSandbox(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("a stream stalled"))
	defer cancel()
	const peers, pieces = 3, 256
	hub, others := star(ctx, t, "wgsm", peers)
	var arrived [peers]atomic.Int64
	var connected, streams sync.WaitGroup
	var first sync.Once
	connected.Add(peers)
	for n, other := range others {
		streams.Go(func() {
			ready := sync.OnceFunc(connected.Done)
			defer ready() // The others shall not wait for a stream that cannot begin.
			d, err := transfer(ctx, hub, other, pieces, func() error {
				ready()
				connected.Wait()
				return nil
			}, func(bytes int64) {
				arrived[n].Store(bytes)
				if bytes < pieces*pieceLength {
					return
				}
				first.Do(func() {
					for m := range arrived {
						if got := arrived[m].Load(); float64(got) < leastShare*float64(bytes) {
							t.Errorf("%d bytes had reached peer %d when %d had reached peer %d", got, m, bytes, n)
						}
					}
				})
			})
			expectWhole(t, d, err)
		})
	}
	streams.Wait()
}
