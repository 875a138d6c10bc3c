package udp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
)

func TestAQueryFindsTheInterfaceByWhichADatagramWouldLeave(t *testing.T) {
	here, _ := twoWays(t)
	here.ip(t, "route add default dev two table 100", "route add fd09::9/128 dev two table 100",
		"rule add from 10.0.1.1 table 100", "rule add fwmark 7 table 100",
		"rule add ipproto udp sport 51820 table 100", "rule add ipproto udp dport 53 table 100")
	here.ip6(t, "rule add from fd00:1::1 table 100", "rule add ipproto udp sport 51820 table 100",
		"rule add ipproto udp dport 53 table 100")
	q := openQuery(t, here)
	one, two := linkIndex(t, here, "one"), linkIndex(t, here, "two")
	for _, c := range []struct {
		source, destination string
		mark                uint32
		want                route
	}{
		{"10.0.0.1:1", "10.9.9.9:1", 0, route{ifindex: one}},
		{"10.0.1.1:1", "10.9.9.9:1", 0, route{ifindex: two}},
		{"10.0.0.1:1", "10.9.9.9:1", 7, route{ifindex: two}},
		{"10.0.0.1:51820", "10.9.9.9:1", 0, route{ifindex: two}},
		{"10.0.0.1:1", "10.9.9.9:53", 0, route{ifindex: two}},
		{"10.0.0.1:1", "10.0.1.1:1", 0, route{ifindex: 1, local: true}},
		{"[fd00::1]:1", "[fd09::9]:1", 0, route{ifindex: one}},
		{"[fd00:1::1]:1", "[fd09::9]:1", 0, route{ifindex: two}},
		{"[fd00::1]:51820", "[fd09::9]:1", 0, route{ifindex: two}},
		{"[fd00::1]:1", "[fd09::9]:53", 0, route{ifindex: two}},
		{"[fd00::1]:1", "[fd00:1::1]:1", 0, route{ifindex: 1, local: true}},
	} {
		request := routeRequest{source: netip.MustParseAddrPort(c.source),
			destination: netip.MustParseAddrPort(c.destination), mark: c.mark}
		if got, err := q.route(request); err != nil || got != c.want {
			t.Errorf("%v takes the route %v, not %v: %v", request, got, c.want, err)
		}
	}
}

func TestNoRouteAndNoSuchSourceAreErrors(t *testing.T) {
	here, _ := twoWays(t)
	q := openQuery(t, here)
	for _, c := range []struct{ source, destination string }{
		{"10.0.0.1:1", "172.16.0.1:1"},
		{"10.0.0.77:1", "10.9.9.9:1"},
		{"[fd00::1]:1", "[fd77::1]:1"},
	} {
		_, err := q.route(routeRequest{
			source: netip.MustParseAddrPort(c.source), destination: netip.MustParseAddrPort(c.destination)})
		// Which it is for a source that is not there depends on the kernel.
		if !errors.Is(err, errNoRoute) || !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.EINVAL) {
			t.Errorf("from %s to %s: %v", c.source, c.destination, err)
		}
	}
}

func TestASourceIsAllowedWhileItExistsAndAnIPv4RouteLeavesByItsInterface(t *testing.T) {
	here, _ := twoWays(t)
	here.sysctl(t, "ipv4/ip_nonlocal_bind", "1")
	here.sysctl(t, "ipv6/ip_nonlocal_bind", "1")
	here.ip(t, "addr add fe80::5/64 dev two nodad")
	q := openQuery(t, here)
	one, two := linkIndex(t, here, "one"), linkIndex(t, here, "two")
	for _, c := range []struct {
		address string
		ifindex uint32
		to      string
		want    bool
	}{
		{"10.0.0.1", one, "10.9.9.9:1", true},
		{"10.0.0.1", two, "10.9.9.9:1", false},
		{"10.0.0.77", one, "10.9.9.9:1", false},
		{"10.0.0.1", one, "172.16.0.1:1", false},
		{"10.0.0.1", two, "10.0.1.1:1", true},
		{"255.255.255.255", one, "10.9.9.9:1", false},
		{"fd00::1", one, "[fd09::9]:1", true},
		{"fd00::1", two, "[fd09::9]:1", true},
		{"fd00::1", one, "[fd77::1]:1", true},
		{"fd00::77", one, "[fd09::9]:1", false},
		{"fd77::1", one, "[fd09::9]:1", false},
		{"ff02::1", one, "[fd09::9]:1", false},
		{"fe80::1", two, "[fe80::9%two]:1", true},
		{"fe80::5", two, "[fe80::9%two]:1", true},
		{"fe80::5", two, "[fd09::9]:1", true},
		{"fe80::5", one, "[fe80::9%one]:1", false},
	} {
		from := &source{address: netip.MustParseAddr(c.address), ifindex: c.ifindex}
		got, err := q.allows(from, netip.MustParseAddrPort(c.to), routing{port: 1})
		if got != c.want || err != nil {
			t.Errorf("from %s of interface %d to %s: %v, %v", c.address, c.ifindex, c.to, got, err)
		}
	}
}

func TestAClosedQueryFailsWithErrClosed(t *testing.T) {
	q := openQuery(t, newNamespace(t))
	if err := q.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.route(routeRequest{}); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("it returns %v", err)
	}
}

func TestDamagedRouteAnswersAreSurvived(t *testing.T) {
	request := routeRequest{destination: netip.MustParseAddrPort("[fd09::9]:2"),
		source: netip.MustParseAddrPort("[fd00::1]:1"), ifindex: 0x01020304, mark: 7}
	rounds(t, func(random *rand.Rand) {
		// A request has the form of an answer.
		answer := appendRouteRequest(make([]byte, unix.SizeofNlMsghdr), request)
		answer[4] = unix.RTM_NEWROUTE
		answer[unix.SizeofNlMsghdr+7] = unix.RTN_LOCAL
		want := route{ifindex: 0x01020304, local: true}
		if found, err := decodeRoute(answer); found != want || err != nil {
			t.Fatalf("an answer is read as %v, %v", found, err)
		}
		for range random.IntN(4) {
			answer[random.IntN(len(answer))] = byte(random.Uint32())
		}
		decodeRoute(answer[:random.IntN(len(answer)+1)])
	})
}

func openQuery(t *testing.T, n *namespace) *routeQuery {
	t.Helper()
	var q *routeQuery
	n.run(t, func() (err error) { q, err = newRouteQuery(t.Logf); return err })
	t.Cleanup(func() { q.close() })
	return q
}

func linkIndex(t *testing.T, n *namespace, name string) uint32 {
	t.Helper()
	var index uint32
	n.run(t, func() error {
		link, err := net.InterfaceByName(name)
		if err == nil {
			index = uint32(link.Index)
		}
		return err
	})
	return index
}

func TestQueriesBackOffWhileTheKernelDoesNotAnswer(t *testing.T) {
	n := newNamespace(t)
	q := openQuery(t, n)
	n.refuse(t, unix.SYS_RECVFROM, 3, unix.MSG_DONTWAIT, unix.EIO) // every call on its thread
	request := routeRequest{destination: netip.MustParseAddrPort("127.0.0.1:1")}
	n.run(t, func() error {
		var minimum time.Duration
		begun, asked := time.Now(), 0
		for asked < 8 {
			_, err := q.route(request)
			switch {
			case errors.Is(err, unix.EIO):
				if asked++; asked < 8 {
					minimum += backoff.After(asked)
				}
			case !errors.Is(err, errBackingOff):
				return fmt.Errorf("route: %w", err)
			}
		}
		if took := time.Since(begun); took < minimum {
			t.Errorf("asked %d times within %v, without the pauses of %v", asked, took, minimum)
		}
		return nil
	})
	for deadline := time.Now().Add(timeout); ; {
		found, err := q.route(request) // on a thread that the filter does not hold for
		if err == nil && found.local {
			return
		}
		if !errors.Is(err, errBackingOff) || time.Now().After(deadline) {
			t.Fatalf("route = %+v, %v", found, err)
		}
	}
}
