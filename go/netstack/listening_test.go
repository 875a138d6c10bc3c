package netstack

import (
	"errors"
	"io"
	"net/netip"
	"syscall"
	"testing"

	"wg-bridge/go/testbed"
)

func TestAPortCanBeListenedOnAgainAtOnce(t *testing.T) {
	near, far := newPair(t, Config{})
	listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	// Whether the first port was chosen by the caller or by the stack makes no difference.
	for range 2 {
		client, err := near.DialTCP(limited(t), netip.AddrPort{}, listener.Local())
		if err != nil {
			t.Fatal(err)
		}
		server, err := listener.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		again := func(when string) {
			t.Helper()
			if _, err := far.ListenTCP(listener.Local(), 0); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("beside another listener, %s: %v", when, err)
			}
			if err := listener.Close(); err != nil {
				t.Fatal(err)
			}
			if listener, err = far.ListenTCP(listener.Local(), 0); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
		}
		again("with an open connection")
		// The side that ends first waits for what may still be on its way.
		if err := server.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(client); err != nil {
			t.Fatal(err)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(server); err != nil {
			t.Fatal(err)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		again("with a connection in TIME-WAIT")
	}
	// It accepts, too.
	client, err := near.DialTCP(limited(t), netip.AddrPort{}, listener.Local())
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = client.Abort(), server.Abort()
}

func TestListenersConflictAsThoseOfTheKernel(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	other4 := netip.MustParseAddr("10.9.0.9")
	d := newDevice(t, Config{}, near4, near6, other4)
	all, all4, invalid := netip.IPv6Unspecified(), netip.IPv4Unspecified(), netip.Addr{}
	for _, test := range []struct {
		first, second netip.Addr
		conflict      bool
	}{
		{near4, near4, true},
		{near6, near6, true},
		{near4, all4, true},
		{near4, all, true},
		{near4, invalid, true},
		{near6, all, true},
		{near6, invalid, true},
		{all, all, true},
		{all, invalid, true},
		{all, all4, true},
		{all4, all4, true},
		{near4, near6, false},
		{near4, other4, false},
		{near6, all4, false},
	} {
		for _, pair := range [][2]netip.Addr{{test.first, test.second}, {test.second, test.first}} {
			first, err := d.ListenTCP(netip.AddrPortFrom(pair[0], 80), 0)
			if err != nil {
				t.Fatalf("on %v: %v", pair[0], err)
			}
			second, err := d.ListenTCP(netip.AddrPortFrom(pair[1], 80), 0)
			switch {
			case err == nil && !test.conflict:
				if err := second.Close(); err != nil {
					t.Error(err)
				}
			case err == nil, !test.conflict, !errors.Is(err, syscall.EADDRINUSE):
				t.Errorf("on %v beside %v: %v", pair[1], pair[0], err)
			}
			if err := first.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if left := len(d.listening.addresses); left > 0 {
		t.Errorf("%d ports are left", left)
	}
}

func TestOfManyThatListenOnOnePortAtOnceOneDoes(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	d := newDevice(t, Config{}, near4)
	const count = 16
	ended := make(chan error, count)
	for i := range count {
		go func() {
			address := []netip.Addr{near4, netip.IPv4Unspecified(), netip.IPv6Unspecified()}[i%3]
			_, err := d.ListenTCP(netip.AddrPortFrom(address, 80), 0)
			ended <- err
		}()
	}
	listen := 0
	for range count {
		if err := testbed.Wait(t, ended, "ListenTCP"); err == nil {
			listen++
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			t.Error(err)
		}
	}
	if listen != 1 {
		t.Errorf("%d listen", listen)
	}
}

func TestTheStackChoosesAPortThatNothingUses(t *testing.T) {
	near, far := newPair(t, Config{})
	const first, last = 50000, 50005
	if err := far.Stack().SetPortRange(first, last); err != nil {
		t.Fatal(err)
	}
	// One port is that of a connection whose listener is closed, another that of a connection from here.
	_, accepted := establish(t, near, far, far4)
	dialed, _ := establish(t, far, near, near4)
	used := map[uint16]bool{accepted.Local().Port(): true, dialed.Local().Port(): true}
	for len(used) <= last-first {
		listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0)
		if err != nil {
			t.Fatal(err)
		}
		if port := listener.Local().Port(); used[port] || port < first || port > last {
			t.Fatalf("the port %d is in use, or out of range", port)
		}
		used[listener.Local().Port()] = true
	}
	if _, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("without a free port: %v", err)
	}
}
