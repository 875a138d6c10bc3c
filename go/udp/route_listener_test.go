package udp

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
	"wg-bridge/go/pollable"
)

func TestEveryKindOfRoutingChangeIsNoticed(t *testing.T) {
	n := newNamespace(t)
	n.aloneInterface(t, "alone")
	for _, change := range []string{
		"addr add 10.0.0.1/24 dev alone", "addr add fd00::1/64 dev alone nodad noprefixroute",
		"addr add 10.0.0.2/32 dev alone", "addr del 10.0.0.2/32 dev alone", "addr del fd00::1/64 dev alone",
		"route add 10.1.0.0/16 dev alone", "route add fd01::/64 dev alone",
		"rule add fwmark 1 table 100", "link del alone",
	} {
		changed, _ := startListener(t, n)
		n.ip(t, change)
		awaitChange(t, changed, change)
	}
	changed, _ := startListener(t, n)
	n.ip6(t, "rule add fwmark 1 table 100")
	awaitChange(t, changed, "an IPv6 rule")
}

func TestAReplacedNextHopIsNoticedThoughItsRoutesAreNotAnnounced(t *testing.T) {
	n := newNamespace(t)
	n.aloneInterface(t, "alone")
	n.sysctl(t, "ipv4/nexthop_compat_mode", "0") // Routes would be.
	n.ip(t, "addr add 10.0.0.1/24 dev alone", "nexthop add id 1 via 10.0.0.8 dev alone", "route add 10.1.0.0/16 nhid 1")
	changed, _ := startListener(t, n)
	n.ip(t, "nexthop replace id 1 via 10.0.0.9 dev alone")
	awaitChange(t, changed, "another next hop")
}

func TestALinkThatGoesDownIsNoticedThoughItsIPv4RoutesAreNotAnnounced(t *testing.T) {
	n := newNamespace(t)
	n.sysctl(t, "ipv6/conf/default/disable_ipv6", "1") // IPv6 routes would be.
	n.aloneInterface(t, "alone")
	changed, _ := startListener(t, n)
	n.ip(t, "link set alone down")
	awaitChange(t, changed, "a link that goes down")
}

func TestALostMessageCountsAsAChangeAndTheNextOneIsNoticedToo(t *testing.T) {
	n := newNamespace(t)
	n.aloneInterface(t, "alone")
	var l *routeListener
	n.run(t, func() (err error) { l, err = newRouteListener(t.Logf, t.Logf); return err })
	raw, err := l.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = pollable.Control(raw, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	var flood []string
	for i := range 100 {
		flood = append(flood, fmt.Sprintf("route add 10.1.%d.0/24 dev alone", i))
	}
	n.ip(t, flood...)
	n.run(t, expectLostMessages)

	changed := make(chan struct{}, 1000)
	go l.run(func() { changed <- struct{}{} })
	awaitChange(t, changed, "the loss")
	awaitParked(t, "(*routeListener).run(", 1)
	for len(changed) > 0 {
		<-changed
	}
	n.ip(t, "route add 10.3.0.0/16 dev alone")
	awaitChange(t, changed, "the next change")
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
}

// expectLostMessages reads of netlink sockets in the namespace whether one has lost messages.
func expectLostMessages() error {
	table, err := os.ReadFile("/proc/thread-self/net/netlink")
	if err != nil {
		return err
	}
	const drops = 8
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > drops && fields[drops] != "0" && fields[drops] != "Drops" {
			return nil
		}
	}
	return fmt.Errorf("nothing was lost:\n%s", table)
}

func TestClosingAListenerStopsIt(t *testing.T) {
	n := newNamespace(t)
	_, l := startListener(t, n)
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.stopped:
	default:
		t.Fatal("it still runs")
	}
}

func TestAListenerThatCannotReadPollsWithPausesAndLogsIt(t *testing.T) {
	// The loss of messages is not logged, but must not keep a processor busy either.
	for errno, lines := range map[unix.Errno]int{unix.EIO: 1, unix.ENOBUFS: 0} {
		t.Run(errno.Error(), func(t *testing.T) {
			n := newNamespace(t)
			var l *routeListener
			n.run(t, func() (err error) { l, err = newRouteListener(t.Logf, t.Logf); return err })
			said := 0
			l.errorf = func(string, ...any) { said++ }
			n.refuse(t, unix.SYS_RECVFROM, 3, 0, errno) // every call on its thread that has no flags
			const wanted = 8
			var minimum time.Duration
			begun, turns := time.Now(), 0
			n.run(t, func() error {
				l.run(func() {
					if turns++; turns < wanted {
						minimum += backoff.After(turns)
					} else if turns == wanted {
						go l.close() // while it pauses
					}
				})
				return nil
			})
			if took := time.Since(begun); took < minimum {
				t.Errorf("%d turns within %v, which have pauses of %v", turns, took, minimum)
			}
			if said != lines {
				t.Errorf("%d lines of log, want %d", said, lines)
			}
		})
	}
}

func TestManyChangesAreLoggedOnceASecondAndTheFirstAtOnce(t *testing.T) {
	n := newNamespace(t)
	n.aloneInterface(t, "alone")
	var lines atomic.Int64
	begun := time.Now()
	s := openStationWith(t, n, Config{Logf: func(format string, _ ...any) {
		if format == routesChanged {
			lines.Add(1)
		}
	}})
	const changes = 50
	before := s.generation.Load()
	for i := range changes {
		s.awaitRouteChange(t, func() { n.ip(t, fmt.Sprintf("route add 10.1.%d.0/24 dev alone", i)) })
		// The line follows the count, so the first may be on its way until the second change.
		if i == 1 && lines.Load() == 0 {
			t.Error("the first change was not logged")
		}
	}
	seconds := int64(time.Since(begun) / routesChangedPause)
	if got := lines.Load(); got > seconds+1 {
		t.Errorf("%d lines in %d seconds", got, seconds)
	}
	if got := s.generation.Load() - before; got < changes {
		t.Errorf("of %d changes %d were counted", changes, got)
	}
}

// startListener starts a listener that runs until the test ends.
func startListener(t *testing.T, n *namespace) (changed chan struct{}, l *routeListener) {
	t.Helper()
	n.run(t, func() (err error) { l, err = newRouteListener(t.Logf, t.Logf); return err })
	changed = make(chan struct{}, 1000)
	go l.run(func() { changed <- struct{}{} })
	t.Cleanup(func() {
		select {
		case <-l.stopping: // A test has closed it.
		default:
			l.close()
		}
	})
	return changed, l
}

func awaitChange(t *testing.T, changed chan struct{}, what string) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(timeout):
		t.Fatalf("%s was not noticed", what)
	}
}
