package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wg-bridge/go/proxy"
	"wg-bridge/go/proxy/proxytest"
	"wg-bridge/go/resolve"
)

var (
	own4   = netip.MustParseAddr("10.0.0.2")
	own6   = netip.MustParseAddr("fd00::2")
	host4  = netip.MustParseAddr("10.0.0.9")
	host4b = netip.MustParseAddr("10.0.0.10")
	host6  = netip.MustParseAddr("fd00::9")
	host6b = netip.MustParseAddr("fd00::10")
)

const port = 80

func listen(t *testing.T, network *proxytest.Network, host netip.Addr) net.Listener {
	t.Helper()
	listener, err := network.ListenTCP(netip.AddrPortFrom(host, port), 16)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func connector(network *proxytest.Network, addresses ...netip.Addr) *proxy.Connector {
	return &proxy.Connector{Dialer: network, Resolver: proxytest.Names{"www.example": addresses}}
}

// expectDialled compares where to connections were opened, in order.
func expectDialled(t *testing.T, network *proxytest.Network, want ...netip.Addr) {
	t.Helper()
	var got []netip.Addr
	for _, dialled := range network.Dialled() {
		got = append(got, dialled.Addr())
	}
	if !slices.Equal(got, want) {
		t.Errorf("dialled %v, want %v", got, want)
	}
}

func TestTheFirstAddressThatAnswersIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := proxytest.New(own4, own6)
		network.Silence(host6)
		network.Add(host4)
		listen(t, network, host6b)
		begin := time.Now()
		conn, err := connector(network, host6, host6b, host4, host4b).Connect(
			context.Background(), proxy.Target{Host: "www.example", Port: port})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.RemoteAddr().String(); got != "[fd00::10]:80" {
			t.Errorf("connected to %v", got)
		}
		// The silent one has 250 ms; the one that refuses leads to the next at once.
		if took := time.Since(begin); took != 250*time.Millisecond {
			t.Errorf("took %v", took)
		}
		expectDialled(t, network, host6, host4, host6b)
	})
}

// A connection that is established after another has won must not stay.
func TestALateConnectionIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := proxytest.New(own4, own6)
		slow, err := network.ListenTCP(netip.AddrPortFrom(host6, port), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer slow.Close()
		fast := listen(t, network, host4)
		dialer := uncancelled{network}
		c := &proxy.Connector{Dialer: dialer, Resolver: proxytest.Names{"www.example": {host6, host4}}}
		conn, err := c.Connect(context.Background(), proxy.Target{Host: "www.example", Port: port})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fast.Accept(); err != nil {
			t.Fatal(err)
		}
		late, err := slow.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := late.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the late connection ends with %v", err)
		}
	})
}

// uncancelled is a dialer that connects even if nobody wants it any more.
type uncancelled struct{ network *proxytest.Network }

func (u uncancelled) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	return u.network.DialTCP(context.WithoutCancel(ctx), remote)
}

func TestAddressesAreConnectedToWithoutTheResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := proxytest.New(own4, own6)
		listen(t, network, host6)
		c := &proxy.Connector{Dialer: network, Resolver: proxytest.Names{}, Family: resolve.IPv4}
		conn, err := c.Connect(context.Background(), proxy.Target{Host: "fd00::9", Port: port})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	})
}

func TestOnlyAddressesOfTheFamilyAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := proxytest.New(own4)
		listen(t, network, host4)
		c := connector(network, host6, host4)
		c.Family = resolve.IPv4
		conn, err := c.Connect(context.Background(), proxy.Target{Host: "www.example", Port: port})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		expectDialled(t, network, host4)
	})
}

func TestFailuresHaveTheirReason(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for name, test := range map[string]struct {
		ctx       context.Context
		host      string
		addresses []netip.Addr
		want      proxy.Reason
		text      string
	}{
		"refused":       {host: "10.0.0.9", want: proxy.Refused, text: "10.0.0.9:80: connection refused"},
		"silent":        {host: "10.0.0.66", want: proxy.TimedOut, text: "10.0.0.66:80: no answer within 30s"},
		"unreachable":   {host: "192.0.2.1", want: proxy.Unreachable, text: "192.0.2.1:80: no route to host"},
		"no IPv6":       {host: "fd00::9", want: proxy.NoFamily, text: "fd00::9"},
		"no such name":  {host: "none.example", want: proxy.Unresolved, text: `"none.example"`},
		"all of a name": {host: "www.example", addresses: []netip.Addr{host4, host6}, want: proxy.Refused, text: "refused; "},
		"silent name":   {host: "www.example", addresses: []netip.Addr{host4, netip.MustParseAddr("10.0.0.66")}, want: proxy.TimedOut, text: "no answer within 30s"},
		"cancelled":     {ctx: ended, host: "10.0.0.66", want: proxy.Abandoned, text: "canceled"},
		"without host":  {host: "", want: proxy.Failed, text: "host is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := proxytest.New(own4)
				network.Add(host4, host6)
				network.Silence(netip.MustParseAddr("10.0.0.66"))
				ctx := test.ctx
				if ctx == nil {
					ctx = context.Background()
				}
				_, err := connector(network, test.addresses...).Connect(ctx, proxy.Target{Host: test.host, Port: port})
				if err == nil || proxy.ReasonOf(err) != test.want || !strings.Contains(err.Error(), test.text) {
					t.Errorf("%v, which is reason %d, want %d with %q", err, proxy.ReasonOf(err), test.want, test.text)
				}
			})
		})
	}
}

func TestReasonsOfOtherErrors(t *testing.T) {
	for _, test := range []struct {
		err  error
		want proxy.Reason
	}{
		{fmt.Errorf("the tunnel: %w", net.ErrClosed), proxy.Closed},
		{syscall.ENETUNREACH, proxy.Unreachable},
		{syscall.ECONNRESET, proxy.Failed},
		{context.DeadlineExceeded, proxy.TimedOut},
		{&resolve.Error{Code: resolve.TryAgain, Err: syscall.ECONNREFUSED}, proxy.Unresolved},
		{&resolve.Error{Code: resolve.TryAgain, Err: context.Canceled}, proxy.Abandoned},
	} {
		if got := proxy.ReasonOf(test.err); got != test.want {
			t.Errorf("%v is reason %d, want %d", test.err, got, test.want)
		}
	}
}

func TestTargets(t *testing.T) {
	for text, want := range map[string]proxy.Target{
		"www.example:443": {Host: "www.example", Port: 443}, "[fd00::9]:1": {Host: "fd00::9", Port: 1},
		"10.0.0.9:65535": {Host: "10.0.0.9", Port: 65535},
	} {
		got, err := proxy.ParseTarget(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "www.example", ":80", "a:0", "a:65536", "a:-1", "a:http", "fd00::9:80", "a:1:2", "[a"} {
		if got, err := proxy.ParseTarget(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}
