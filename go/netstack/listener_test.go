package netstack

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"

	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

func TestAListenerAcceptsFromTheFamiliesOfItsAddress(t *testing.T) {
	near, far := newPair(t, Config{})
	for _, test := range []struct {
		local  netip.Addr
		accept []netip.Addr
	}{
		{netip.Addr{}, []netip.Addr{far4, far6}},
		{netip.IPv6Unspecified(), []netip.Addr{far4, far6}},
		{netip.IPv4Unspecified(), []netip.Addr{far4}},
		{far6, []netip.Addr{far6}},
		{far4, []netip.Addr{far4}},
	} {
		listener, err := far.ListenTCP(netip.AddrPortFrom(test.local, 0), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range []netip.Addr{far4, far6} {
			target := netip.AddrPortFrom(address, listener.Local().Port())
			conn, err := near.DialTCP(limited(t), netip.AddrPort{}, target)
			if !slices.Contains(test.accept, address) {
				if !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("on %v, to %v: %v", test.local, address, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("on %v, to %v: %v", test.local, address, err)
			}
			accepted, err := listener.AcceptTCP()
			if err != nil {
				t.Fatal(err)
			}
			if accepted.Local() != target || accepted.Remote() != conn.Local() {
				t.Errorf("on %v: %v accepted from %v, want %v from %v", test.local, accepted.Local(), accepted.Remote(), target, conn.Local())
			}
			if want := map[bool]int{true: 4, false: 16}[address.Is4()]; len(accepted.RemoteAddr().(*net.TCPAddr).IP) != want {
				t.Errorf("the address %v has not %d bytes", accepted.RemoteAddr(), want)
			}
			_, _ = conn.Abort(), accepted.Abort()
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListenErrorsAreThoseOfTheKernel(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	d := newDevice(t, Config{}, near4)
	listener, err := d.ListenTCP(netip.AddrPortFrom(near4, 80), 0)
	if err != nil {
		t.Fatal(err)
	}
	if listener.Addr().String() != "10.9.0.1:80" {
		t.Errorf("listens on %v", listener.Addr())
	}
	if _, err := d.ListenTCP(netip.AddrPortFrom(near4, 80), 0); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port in use: %v", err)
	}
	if _, err := d.ListenTCP(netip.AddrPortFrom(far4, 80), 0); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("another's address: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := d.ListenTCP(netip.AddrPortFrom(near4, 80), 0); err != nil {
		t.Errorf("after Close: %v", err)
	} else if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestClosingAListenerEndsAcceptAndResetsWhoeverWaits(t *testing.T) {
	near, far := newPair(t, Config{})
	listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := near.DialTCP(limited(t), netip.AddrPort{}, listener.Local())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Abort()
	if _, err := listener.Accept(); err != nil {
		t.Fatal(err)
	}
	waits, err := near.DialTCP(limited(t), netip.AddrPort{}, listener.Local())
	if err != nil {
		t.Fatal(err)
	}
	defer waits.Abort()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := waits.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that nobody accepted: %v", err)
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v", err)
	}
	if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second Close = %v", err)
	}
	if _, err := near.DialTCP(limited(t), netip.AddrPort{}, listener.Local()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a dial after Close: %v", err)
	}
}

func TestManyAcceptAtOnce(t *testing.T) {
	near, far := newPair(t, Config{})
	listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	const count = 8
	ended := make(chan error, count+1)
	for range count + 1 {
		go func() {
			conn, err := listener.Accept()
			if err == nil {
				err = conn.Close()
			}
			ended <- err
		}()
	}
	for range count {
		conn, err := near.DialTCP(limited(t), netip.AddrPort{}, listener.Local())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Abort()
		if err := testbed.Wait(t, ended, "Accept"); err != nil {
			t.Error(err)
		}
	}
	_ = listener.Close()
	if err := testbed.Wait(t, ended, "the last Accept"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the last Accept = %v", err)
	}
}

func TestConnectionsThatComeTogetherGetNoSYNCookies(t *testing.T) {
	near, far := newPair(t, Config{})
	listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const count = 200
	dialed := make(chan error, count)
	for range count {
		go func() {
			conn, err := near.DialTCP(limited(t), netip.AddrPort{}, listener.Local())
			if err == nil {
				t.Cleanup(func() { _ = conn.Abort() })
			}
			dialed <- err
		}()
	}
	for range count {
		if err := testbed.Wait(t, dialed, "DialTCP"); err != nil {
			t.Error(err)
		}
	}
	if sent := far.Stack().Stats().TCP.ListenOverflowSynCookieSent.Value(); sent > 0 {
		t.Errorf("%d cookies were sent", sent)
	}
	// Each of them can be accepted: none is known to its client alone.
	for range count {
		conn, err := listener.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Abort()
	}
}

// All handshakes are under way at once, and nobody accepts before the last has ended.
func TestNoConnectionIsForgottenIfManyComeAtOnce(t *testing.T) {
	const count = 600
	testbed.CheckLeaks(t, "no interface")
	near, far := newDevice(t, Config{}, near4), newDevice(t, Config{}, far4)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32)})
	far.SetRoutes([]netip.Prefix{netip.PrefixFrom(near4, 32)})
	var begun atomic.Int64
	ports := make(map[uint16]bool)
	// What the listener answers meanwhile is held and not lost: it would come again after ever longer pauses.
	var held [][]byte
	connect(t, wire{from: near, to: far, filter: func(packet []byte) bool {
		if tcp := packet[inet.IPv4HeaderLength:]; tcp[13] == byte(header.TCPFlagSyn) {
			ports[binary.BigEndian.Uint16(tcp)] = true
			begun.Store(int64(len(ports)))
		}
		return true
	}}, wire{from: far, to: near, filter: func(packet []byte) bool {
		if begun.Load() < count {
			held = append(held, append(make([]byte, readRoom), packet...))
			return false
		}
		if len(held) > 0 {
			_, _ = near.Write(held, readRoom)
			held = nil
		}
		return true
	}})
	listener, err := far.ListenTCP(netip.AddrPortFrom(far4, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx := limited(t)
	conns := make([]*Conn, count)
	var dialing sync.WaitGroup
	for i := range conns {
		dialing.Go(func() {
			conn, err := near.DialTCP(ctx, netip.AddrPort{}, listener.Local())
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = conn
		})
	}
	dialing.Wait()
	if t.Failed() {
		t.FailNow()
	}
	if sent := far.Stack().Stats().TCP.ListenOverflowSynCookieSent.Value(); sent > 0 {
		t.Fatalf("%d cookies were sent", sent)
	}
	go func() {
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Abort()
			}()
		}
	}()
	deadline := time.Now().Add(testLimit)
	for _, conn := range conns {
		if err := conn.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for _, conn := range conns {
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Fatalf("from %v: %v", conn.Local(), err)
		}
		_ = conn.Abort()
	}
}
