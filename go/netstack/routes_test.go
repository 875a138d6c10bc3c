package netstack

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wg-bridge/go/testbed"
)

// randomAddress returns one of few addresses, so that ranges overlap and touch.
func randomAddress(random *rand.Rand) netip.Addr {
	if random.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(2)), byte(random.Uint32())})
	}
	return netip.AddrFrom16([16]byte{0xfd, 14: byte(random.IntN(2)), 15: byte(random.Uint32())})
}

func TestAggregatedRoutesHoldTheSameAddressesInFewestRanges(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		var ranges []netip.Prefix
		for range random.IntN(40) {
			address := randomAddress(random)
			ranges = append(ranges, netip.PrefixFrom(address, address.BitLen()-random.IntN(10)))
		}
		joined := aggregate(ranges)
		for i, prefix := range joined {
			for _, other := range joined[i+1:] {
				if _, ok := join(prefix, other); prefix.Overlaps(other) || ok {
					t.Fatalf("%v and %v are not one range", prefix, other)
				}
			}
		}
		for range 200 {
			address := randomAddress(random)
			want := slices.ContainsFunc(ranges, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
			if got := joined.contain(address); got != want {
				t.Fatalf("%v in %v, as %v: %t", address, ranges, joined, got)
			}
		}
	}
}

func TestRoutesOfAllAndOfNothing(t *testing.T) {
	all := aggregate([]netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/1"), netip.MustParsePrefix("128.0.0.0/1"), netip.MustParsePrefix("::/0"),
		netip.MustParsePrefix("::ffff:10.0.0.0/104"), netip.MustParsePrefix("10.0.0.1/8"), {},
	})
	if len(all) != 2 || all[0] != netip.MustParsePrefix("0.0.0.0/0") || all[1] != netip.MustParsePrefix("::/0") {
		t.Errorf("%v", all)
	}
	if none := aggregate(nil); none.contain(far4) {
		t.Error("no range holds an address")
	}
}

func TestWhatNoAllowedIPHoldsFailsAtOnceAndNamesThem(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	d := newDevice(t, Config{}, near4) // Nobody reads it: a packet would wait.
	socket, err := d.BindUDP(netip.AddrPortFrom(near4, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	attempts := map[string]func(netip.Addr) error{
		"DialTCP": func(to netip.Addr) error {
			_, err := d.DialTCP(context.Background(), netip.AddrPort{}, netip.AddrPortFrom(to, 80))
			return err
		},
		"WriteToAddrPort": func(to netip.Addr) error {
			_, err := socket.WriteToAddrPort([]byte("some bytes"), netip.AddrPortFrom(to, 80))
			return err
		},
		"Ping": func(to netip.Addr) error { _, err := d.Ping(context.Background(), to, 8); return err },
	}
	outside := netip.MustParseAddr("192.0.2.1")
	for name, attempt := range attempts {
		d.SetRoutes([]netip.Prefix{netip.MustParsePrefix("10.9.0.0/25"), netip.MustParsePrefix("10.9.0.128/25")})
		var unreachable *UnreachableError
		err := attempt(outside)
		if !errors.Is(err, syscall.EHOSTUNREACH) || !errors.As(err, &unreachable) || unreachable.Address != outside {
			t.Errorf("%s = %v", name, err)
		} else if !strings.Contains(err.Error(), "192.0.2.1") || !strings.Contains(err.Error(), "10.9.0.0/24") {
			t.Errorf("%s = %v, which does not name address and range", name, err)
		}
		d.SetRoutes(nil)
		if err := attempt(outside); !errors.Is(err, syscall.EHOSTUNREACH) || !strings.Contains(err.Error(), "there are none") {
			t.Errorf("%s without peers = %v", name, err)
		}
		d.SetRoutes([]netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")})
		if err := attempt(netip.MustParseAddr("2001:db8::1")); !errors.Is(err, syscall.EADDRNOTAVAIL) || !strings.Contains(err.Error(), "IPv6") {
			t.Errorf("%s without an IPv6 address = %v", name, err)
		}
		for _, never := range []string{"127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:127.0.0.1"} {
			if err := attempt(netip.MustParseAddr(never)); !errors.Is(err, syscall.EHOSTUNREACH) {
				t.Errorf("%s to %s = %v", name, never, err)
			}
		}
	}
	if n := d.link.queue.length(); n != 0 {
		t.Errorf("%d packets left", n)
	}
}

func TestAMessageNamesOnlySomeOfManyRanges(t *testing.T) {
	err := &UnreachableError{Address: far4}
	for i := range 20 {
		err.Ranges = append(err.Ranges, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(2 * i), 0}), 24))
	}
	if text := err.Error(); !strings.Contains(text, "10.1.14.0/24 and 12 more") || strings.Contains(text, "10.1.16.0") {
		t.Error(text)
	}
}
