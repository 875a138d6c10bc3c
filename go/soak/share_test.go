package soak

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"wg-bridge/go/testbed"
)

// pieces is how many pieces a stream sends to a peer of the hub.
const pieces = 256

// openStar opens a hub and its peers in this process, each in a namespace of its own. Their links are unimpaired.
func openStar(ctx context.Context, t *testing.T, prefix string, count int) (hub *end, peers []*end) {
	t.Helper()
	var ends []*end
	for n := range 1 + count {
		name := fmt.Sprintf("%s%d", prefix, n)
		openTunnel(t, name)
		ends = append(ends, newEnd(t, name, n+1, 0))
	}
	hub, peers = ends[0], ends[1:]
	port := hub.connect(ctx, t, "")
	for _, peer := range peers {
		peer.relayPort = port
		hub.relayPort = peer.connect(ctx, t, peer.peerLines(hub))
		if err := hub.set(ctx, hub.peerLines(peer)); err != nil {
			t.Fatal(err)
		}
	}
	return hub, peers
}

// sendPieces sends pieces from one end to another. It calls before ahead of each piece, and received with the number
// of bytes that have reached the other end. It fails the test unless all of them do.
func sendPieces(ctx context.Context, t *testing.T, from, to *end, before func() error, received func(int64)) {
	t.Helper()
	c, err := dial(ctx, from, to, to.ipv4)
	if err != nil {
		t.Error(err)
		return
	}
	left := pieces
	d, err := c.transfer(pieces, 0, func() (bool, error) {
		if left == 0 {
			return false, nil
		}
		left--
		return true, before()
	}, received)
	if err := errors.Join(err, c.close()); err != nil {
		t.Errorf("the stream from %s to %s: %v", from.name, to.name, err)
	}
	d.expectWhole(t, to.name)
}

// floodLength is how many packets go to a peer that does not answer before each piece of a stream to one that does:
// about twice as many as the piece itself takes.
const floodLength = 100

func TestAPeerThatDoesNotAnswerDelaysNoOther(t *testing.T) {
	testbed.RequireSandbox(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), timeout, errors.New("the stream stalled"))
	defer cancel()
	hub, peers := openStar(ctx, t, "wgsd", 1)
	// A socket receives what the dead peer is sent, and never answers.
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
	sendPieces(ctx, t, hub, peers[0], func() error {
		for range floodLength {
			if _, err := flood.Write(packet); err != nil {
				return err
			}
		}
		return nil
	}, func(int64) {})
}

// minShare is the minimum that every stream must have carried when the fastest one is complete, as a fraction of that
// one. TCP's shares of one queue vary widely; a stream that is held up carries next to nothing.
const minShare = 0.01

func TestPeersOfOneInterfaceShareIt(t *testing.T) {
	testbed.RequireSandbox(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), timeout, errors.New("a stream stalled"))
	defer cancel()
	const count = 3
	hub, peers := openStar(ctx, t, "wgsm", count)
	var received [count]atomic.Int64
	var connected, streams sync.WaitGroup
	var first sync.Once
	connected.Add(count)
	for n, peer := range peers {
		streams.Go(func() {
			ready := sync.OnceFunc(connected.Done)
			defer ready() // so that the others do not wait for a stream that cannot begin
			sendPieces(ctx, t, hub, peer, func() error {
				ready()
				connected.Wait()
				return nil
			}, func(bytes int64) {
				received[n].Store(bytes)
				if bytes < pieces*pieceLength {
					return
				}
				first.Do(func() {
					for m := range received {
						if got := received[m].Load(); float64(got) < minShare*float64(bytes) {
							t.Errorf("%d bytes had reached peer %d when %d had reached peer %d", got, m, bytes, n)
						}
					}
				})
			})
		})
	}
	streams.Wait()
}
