package udp

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTheKernelSaysThroughWhichInterfaceADatagramWouldLeave(t *testing.T) {
	here, _ := twoWays(t)
	here.ip(t, "route add default dev two table 100", "route add fd09::9/128 dev two table 100",
		"rule add from 10.0.1.1 table 100", "rule add fwmark 7 table 100")
	here.ip6(t, "rule add from fd00:1::1 table 100")
	q := openQuery(t, here)
	one, two := linkIndex(t, here, "one"), linkIndex(t, here, "two")
	for _, c := range []struct {
		destination, source string
		mark, want          uint32
	}{
		{"10.9.9.9", "10.0.0.1", 0, one},
		{"10.9.9.9", "10.0.1.1", 0, two},
		{"10.9.9.9", "10.0.0.1", 7, two},
		{"fd09::9", "fd00::1", 0, one},
		{"fd09::9", "fd00:1::1", 0, two},
		{"fe80::9%two", "fe80::1", 0, two},
	} {
		request := routeRequest{netip.MustParseAddr(c.destination), netip.MustParseAddr(c.source), c.mark}
		here.run(t, func() error { // On its thread, as a zone is a name that is valid only there.
			if got, err := q.outgoingInterface(request); err != nil || got != c.want {
				t.Errorf("%v leaves through %d, not %d: %v", request, got, c.want, err)
			}
			return nil
		})
	}
}

func TestNoRouteAndNoSuchSourceAreErrors(t *testing.T) {
	here, _ := twoWays(t)
	q := openQuery(t, here)
	for _, c := range []struct{ destination, source string }{
		{"172.16.0.1", "10.0.0.1"},
		{"10.9.9.9", "10.0.0.77"},
		{"fd77::1", "fd00::1"},
	} {
		_, err := q.outgoingInterface(routeRequest{
			destination: netip.MustParseAddr(c.destination), source: netip.MustParseAddr(c.source)})
		// Which it is for a source that is not there depends on the kernel.
		if !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.EINVAL) {
			t.Errorf("from %s to %s: %v", c.source, c.destination, err)
		}
	}
}

func TestAQueryThatIsClosedSaysSo(t *testing.T) {
	q := openQuery(t, newNamespace(t))
	if err := q.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.outgoingInterface(routeRequest{}); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("it answers %v", err)
	}
}

func TestDamagedRouteAnswersAreSurvived(t *testing.T) {
	request := routeRequest{netip.MustParseAddr("fd09::9"), netip.MustParseAddr("fd00::1"), 7}
	rounds(t, func(random *rand.Rand) {
		// A request has the form of an answer.
		answer := encodeRouteRequest(nil, request, 0x01020304, 9)
		answer[4] = unix.RTM_NEWROUTE
		if ifindex, sequence, err := decodeRouteAnswer(answer); ifindex != 0x01020304 || sequence != 9 || err != nil {
			t.Fatalf("an answer is read as %d, %d, %v", ifindex, sequence, err)
		}
		for range random.IntN(4) {
			answer[random.IntN(len(answer))] = byte(random.Uint32())
		}
		decodeRouteAnswer(answer[:random.IntN(len(answer)+1)])
	})
}

func openQuery(t *testing.T, n *namespace) *routeQuery {
	t.Helper()
	var q *routeQuery
	n.run(t, func() (err error) { q, err = newRouteQuery(); return err })
	t.Cleanup(func() {
		if q.fd >= 0 {
			q.close()
		}
	})
	return q
}

func linkIndex(t *testing.T, n *namespace, name string) uint32 {
	t.Helper()
	var index uint32
	n.run(t, func() error {
		var err error
		index, err = scopeOf(netip.IPv6LinkLocalAllNodes().WithZone(name))
		return err
	})
	return index
}
