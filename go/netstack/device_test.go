package netstack

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "golang.zx2c4.com/wireguard/tun"

	"wg-bridge/go/testbed"
)

func TestNewRefusesWhatMakesNoSense(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	for _, config := range []Config{{}, {MTU: MinMTU - 1}, {MTU: MaxMTU + 1}, {MTU: MinMTU, Memory: MinMemory - 1}, {MTU: MinMTU, Memory: -1}} {
		if _, err := New(config); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v, want EINVAL", config, err)
		}
	}
}

func TestTheEngineLearnsOfTheMTU(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	d := newDevice(t, Config{MTU: MinMTU})
	if event := <-d.Events(); event != engine.EventUp {
		t.Errorf("the first event is %v", event)
	}
	for _, mtu := range []int{MinMTU - 1, MaxMTU + 1} {
		if err := d.SetMTU(mtu); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("SetMTU(%d) = %v", mtu, err)
		}
	}
	for range 2 { // The second changes nothing.
		if err := d.SetMTU(9000); err != nil {
			t.Fatal(err)
		}
	}
	if event := <-d.Events(); event != engine.EventMTUUpdate {
		t.Errorf("after a change there is event %v", event)
	}
	if mtu, err := d.MTU(); err != nil || mtu != 9000 {
		t.Errorf("MTU %d, %v", mtu, err)
	}
	for i := range 10 * maxEvents { // Nobody listens, and nothing waits.
		if err := d.SetMTU(MinMTU + i); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	waiting := 0
	for range d.Events() {
		waiting++
	}
	if waiting != maxEvents {
		t.Errorf("%d events waited, want %d", waiting, maxEvents)
	}
	if err := d.SetMTU(MaxMTU); err != nil { // It must not send on a closed channel.
		t.Error(err)
	}
}

func TestCloseEndsAllThatWaits(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	d := newDevice(t, Config{}, near4)
	d.SetRoutes([]netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")})
	ended := map[string]chan error{}
	start := func(name string, wait func() error) {
		done := make(chan error, 1)
		ended[name] = done
		go func() { done <- wait() }()
	}
	listener, err := d.ListenTCP(netip.AddrPort{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := d.BindUDP(netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	start("Accept", func() error { _, err := listener.Accept(); return err })
	start("ReadFromAddrPort", func() error { _, _, err := socket.ReadFromAddrPort(nil); return err })
	start("DialTCP", func() error {
		_, err := d.DialTCP(context.Background(), netip.AddrPort{}, netip.AddrPortFrom(far4, 1))
		return err
	})
	start("Ping", func() error { _, err := d.Ping(context.Background(), far4, 8); return err })
	for d.link.queue.length() < 2 { // SYN and echo request
		time.Sleep(time.Millisecond)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for name, done := range ended {
		err := testbed.Wait(t, done, "the end of "+name)
		if !errors.Is(err, net.ErrClosed) {
			t.Fatalf("%s = %v, want ErrClosed", name, err)
		}
		if isUnconnected := name == "DialTCP" || name == "Ping"; isUnconnected && !strings.HasSuffix(err.Error(), "the tunnel is closed") {
			t.Errorf("%s = %v", name, err)
		}
	}
	if n, err := d.Read([][]byte{make([]byte, 2000)}, make([]int, 1), 0); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read = %d, %v", n, err)
	}
	if _, err := d.ListenTCP(netip.AddrPort{}, 0); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ListenTCP = %v", err)
	}
	if _, err := d.BindUDP(netip.AddrPort{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("BindUDP = %v", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("a second Close = %v", err)
	}
}

func TestAddressesAreReplaced(t *testing.T) {
	near, far := newPair(t, Config{})
	moved := netip.MustParseAddr("10.9.0.3")
	near.SetRoutes([]netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")})
	if err := far.SetAddresses([]netip.Addr{moved, moved, netip.MustParseAddr("::ffff:10.9.0.4")}); err != nil {
		t.Fatal(err)
	}
	if got := far.Addresses(); len(got) != 2 || got[0] != moved {
		t.Errorf("addresses %v", got)
	}
	if _, err := near.Ping(limited(t), moved, 8); err != nil {
		t.Errorf("the new address: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	answered := make(chan error, 1)
	go func() { _, err := near.Ping(ctx, far4, 8); answered <- err }()
	if _, err := near.Ping(limited(t), moved, 8); err != nil { // It comes after the first, if that is answered.
		t.Error(err)
	}
	cancel()
	if err := testbed.Wait(t, answered, "the end of a ping"); !errors.Is(err, context.Canceled) || !errors.Is(err, syscall.ECANCELED) {
		t.Errorf("the old address: %v", err)
	}
	for _, wrong := range []string{"0.0.0.0", "::", "127.0.0.1", "::1", "224.0.0.1", "ff02::1"} {
		if err := far.SetAddresses([]netip.Addr{netip.MustParseAddr(wrong)}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if err := far.SetAddresses([]netip.Addr{{}}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("no address: %v", err)
	}
}

func TestTheTunnelsOwnAddressesReachWhatListensThere(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	d := newDevice(t, Config{}, near4, near6) // Nobody reads it: nothing leaves.
	for _, address := range []netip.Addr{near4, near6} {
		client, server := establish(t, d, d, address)
		sent := make([]byte, 200_000) // more than one packet
		go func() { _, _ = client.Write(sent); _ = client.CloseWrite() }()
		expectBytes(t, server, sent)
	}
	if n := d.link.queue.length(); n != 0 {
		t.Errorf("%d packets left", n)
	}
}

func TestNothingElseAnswersOrForwards(t *testing.T) {
	near, far := newPair(t, Config{})
	target := netip.AddrPortFrom(far4, 1)
	outgoing := far.Stack().Stats().IP.PacketsSent
	sent := outgoing.Value()
	if _, err := near.DialTCP(limited(t), netip.AddrPort{}, target); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a closed port: %v", err)
	}
	// The stack counts a packet after it has sent it.
	waitFor(t, "the refusal to be counted", func() bool { return outgoing.Value() > sent })
	// A packet for another host must not come back out, on any interface.
	stranger := netip.MustParseAddr("10.9.0.77")
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(stranger, 32), netip.PrefixFrom(far4, 32)})
	socket, err := near.BindUDP(netip.AddrPortFrom(near4, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	before := far.Stack().Stats().IP.InvalidDestinationAddressesReceived.Value()
	sent = outgoing.Value()
	if _, err := socket.WriteToAddrPort([]byte("to a stranger"), netip.AddrPortFrom(stranger, 9)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the packet", func() bool {
		return far.Stack().Stats().IP.InvalidDestinationAddressesReceived.Value() > before
	})
	if got := outgoing.Value(); got != sent {
		t.Errorf("%d packets came out", got-sent)
	}
}
