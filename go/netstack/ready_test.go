package netstack

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"
)

// A socket is what both kinds have.
type socket interface {
	WaitReadable() error
	SetReadDeadline(time.Time) error
	Close() error
}

// expectWaits checks that a socket without anything to read waits until arrive is called, and that its deadline and its
// end are waited for as well.
func expectWaits(t *testing.T, s socket, arrive func(), take func()) {
	t.Helper()
	for range 2 {
		ready := make(chan error)
		go func() { ready <- s.WaitReadable() }()
		arrive()
		if err := <-ready; err != nil {
			t.Fatalf("waiting for something to read: %v", err)
		}
		if err := s.WaitReadable(); err != nil { // It is still there.
			t.Error(err)
		}
		take()
	}
	if err := s.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitReadable(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	if err := s.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if err := s.WaitReadable(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the close: %v", err)
		}
	})
	_ = s.Close()
	waiting.Wait()
}

func TestConnectionsAreWaitedFor(t *testing.T) {
	near, far := newPair(t, Config{})
	client, server := establish(t, near, far, far4)
	write := func() {
		if _, err := server.Write([]byte("abc")); err != nil {
			t.Error(err)
		}
	}
	read := func() {
		if _, err := io.ReadFull(client, make([]byte, 3)); err != nil {
			t.Error(err)
		}
	}
	expectWaits(t, client, write, read)

	// The end of the other side, and a reset, are something to read.
	client, server = establish(t, near, far, far6)
	if err := server.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := client.WaitReadable(); err != nil {
		t.Errorf("at the end: %v", err)
	}
	client, server = establish(t, near, far, far6)
	if err := server.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := client.WaitReadable(); err != nil {
		t.Errorf("after a reset: %v", err)
	}
}

func TestDatagramsAreWaitedFor(t *testing.T) {
	near, far := newPair(t, Config{})
	server, err := far.BindUDP(netip.AddrPortFrom(far4, 7))
	if err != nil {
		t.Fatal(err)
	}
	client, err := near.BindUDP(netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	send := func() {
		if _, err := client.WriteToAddrPort([]byte("abc"), server.LocalAddrPort()); err != nil {
			t.Error(err)
		}
	}
	receive := func() {
		if _, _, err := server.ReadFromAddrPort(make([]byte, 3)); err != nil {
			t.Error(err)
		}
	}
	expectWaits(t, server, send, receive)
}
