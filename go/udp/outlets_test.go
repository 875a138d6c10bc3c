package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/pollable"
)

// floodSize is how many bytes fill a slow path's queue many times.
const floodSize = 8 << 20

// fork opens a station with two paths, a slow one of 1 Mbit/s with a deep queue and a fast one, to
// another station behind both.
func fork(t *testing.T) (s, peer *station) {
	t.Helper()
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "slow", "fast")
	for i, n := range []*namespace{here, there} {
		host := string(rune('1' + i))
		n.ip(t, "addr add 10.0.0."+host+"/24 dev fast", "addr add fd00::"+host+"/64 dev fast nodad",
			"addr add 10.0.1."+host+"/24 dev slow", "addr add fd00:1::"+host+"/64 dev slow nodad")
	}
	here.tc(t, "qdisc add dev slow root handle 1: htb default 1",
		"class add dev slow parent 1: classid 1:1 htb rate 1mbit quantum 3000",
		"qdisc add dev slow parent 1:1 pfifo limit 10000")
	return openStation(t, here), openStation(t, there)
}

// tc runs tc(8) in the namespace, once for each line.
func (n *namespace) tc(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		n.run(t, func() error {
			if output, err := exec.Command("tc", strings.Fields(line)...).CombinedOutput(); err != nil {
				return fmt.Errorf("tc %s: %w: %s", line, err, output)
			}
			return nil
		})
	}
}

// flood sends more to an address than its path can carry.
func (s *station) flood(t *testing.T, peer *station, address string) {
	t.Helper()
	packets := numbered(batchSize, 1400)
	for i := range packets {
		packets[i][0] = 4 // transport data
	}
	to := peer.at(t, address)
	for range floodSize / len(packets) / len(packets[0]) {
		s.namespace.run(t, func() error { return s.Send(packets, to) })
	}
}

func (s *station) outletsTo(address string) *outlets {
	if netip.MustParseAddr(address).Is4() {
		return s.opened.Load().ipv4.outlets
	}
	return s.opened.Load().ipv6.outlets
}

func (o *outlets) count() int { return len(o.snapshot()) }

var slowAndFast = [][2]string{{"10.0.1.2", "10.0.0.2"}, {"fd00:1::2", "fd00::2"}}

func TestASlowPathDoesNotDelayOthers(t *testing.T) {
	s, peer := fork(t)
	for _, paths := range slowAndFast {
		s.flood(t, peer, paths[0]) // It would take a minute.
		outlets := s.outletsTo(paths[0])
		if got := outlets.main.outstanding(); got > 4*congested {
			t.Errorf("%d bytes are outstanding on the socket that all share", got)
		}
		own := outlets.to(peer.at(t, paths[0]).destination, queryInterval, newSendBatch())
		if own == outlets.main {
			t.Fatal("the slow path has no outlet of its own")
		}
		if got := own.outstanding(); got > initialQueueLimit+(64<<10) {
			t.Errorf("%d bytes are outstanding on the slow path", got)
		}
		if own.dropped.Load() == 0 {
			t.Error("nothing was dropped")
		}
		peer.drop()
		packets := numbered(100, 1000)
		s.send(t, peer.at(t, paths[1]), packets...)
		peer.expectAmong(t, packets, netip.MustParseAddr(paths[1]).Prev())
	}
}

// drop discards what has arrived.
func (s *station) drop() {
	for {
		select {
		case <-s.arrived:
		default:
			return
		}
	}
}

// expectAmong waits for these packets from an address, among others.
func (s *station) expectAmong(t *testing.T, packets [][]byte, from netip.Addr) {
	t.Helper()
	for i := 0; i < len(packets); {
		d := s.next(t, 1)[0]
		if d.from.DstIP() != from {
			continue
		}
		if d.bytes != string(packets[i]) {
			t.Fatalf("packet %d is %.40q", i, d.bytes)
		}
		i++
	}
}

func TestAHandshakeIsSentOnABusyPath(t *testing.T) {
	s, peer := fork(t)
	s.flood(t, peer, "10.0.1.2")
	own := s.outletsTo("10.0.1.2").to(peer.at(t, "10.0.1.2").destination, queryInterval, newSendBatch())
	before := own.dropped.Load()
	handshake, data := append([]byte{1}, make([]byte, 147)...), append([]byte{4}, make([]byte, 147)...)
	for range 3 {
		s.send(t, peer.at(t, "10.0.1.2"), handshake)
	}
	if got := own.dropped.Load() - before; got != 0 {
		t.Errorf("%d of 3 handshakes were dropped", got)
	}
	own.queue.limit = 1
	s.send(t, peer.at(t, "10.0.1.2"), data)
	if got := own.dropped.Load() - before; got != 1 {
		t.Errorf("%d packets were dropped, want the one of data", got)
	}
}

func TestAnOutletHasTheBindsPortAndMarkAndReceivesNothing(t *testing.T) {
	s, peer := fork(t)
	if err := s.SetMark(5); err != nil {
		t.Fatal(err)
	}
	for _, paths := range slowAndFast {
		s.flood(t, peer, paths[0])
		if got := peer.next(t, 1)[0].from.destination.Port(); got != s.port {
			t.Errorf("a datagram came from port %d, not from %d", got, s.port)
		}
		outlets := s.outletsTo(paths[0])
		own := outlets.to(peer.at(t, paths[0]).destination, queryInterval, newSendBatch())
		for _, mark := range []int{5, 6} {
			if err := s.SetMark(uint32(mark)); err != nil {
				t.Fatal(err)
			}
			if got := markOf(t, own); got != mark {
				t.Errorf("its mark is %d, not %d", got, mark)
			}
		}
		if err := s.SetMark(5); err != nil {
			t.Fatal(err)
		}
		const senders = 100
		for n := range senders {
			s.namespace.run(t, func() error {
				local := netip.MustParseAddr("127.0.0.1")
				if !netip.MustParseAddr(paths[0]).Is4() {
					local = netip.MustParseAddr("::1")
				}
				c, err := net.Dial("udp", netip.AddrPortFrom(local, s.port).String())
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c, "from %d", n)
				return errors.Join(err, c.Close())
			})
		}
		for _, d := range s.next(t, senders) {
			if !strings.HasPrefix(d.bytes, "from ") {
				t.Errorf("received %q", d.bytes)
			}
		}
	}
}

func markOf(t *testing.T, o *outlet) (mark int) {
	t.Helper()
	err := pollable.Control(o.raw, func(fd int) (err error) {
		mark, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return mark
}

func TestNoOtherBindCanOpenAPortThatHasOutlets(t *testing.T) {
	s, peer := fork(t)
	s.flood(t, peer, "10.0.1.2")
	s.flood(t, peer, "fd00:1::2")
	s.namespace.run(t, func() error {
		if _, _, err := NewBind(Config{}).Open(s.port); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Open returns %v", err)
		}
		return nil
	})
}

func TestUnusedOutletsAreClosed(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "slow")
	here.ip(t, "addr add 10.0.1.1/24 dev slow")
	there.ip(t, "addr add 10.0.1.2/24 dev slow")
	s, peer := openStation(t, here), openStation(t, there)
	opened := openFiles(t)
	var own *outlet
	here.run(t, func() error {
		own = s.outletsTo("10.0.1.2").open(peer.at(t, "10.0.1.2").destination)
		return nil
	})
	if own == nil || openFiles(t) != opened+1 {
		t.Fatalf("no outlet was opened: %d files, %d before", openFiles(t), opened)
	}
	// It expires.
	outlets := s.outletsTo("10.0.1.2")
	own.used.Store(0)
	if !outlets.expiry.Reset(0) {
		t.Error("nothing would close it")
	}
	for deadline := time.Now().Add(timeout); outlets.count() > 0 && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if got := openFiles(t); got != opened {
		t.Errorf("%d files are open, %d before the outlet was", got, opened)
	}
	// A sender that chose it just before uses the main one.
	known := map[netip.AddrPort]*outlet{peer.at(t, "10.0.1.2").destination: own}
	s.outletsTo("10.0.1.2").known.Store(&known)
	packets := numbered(3, 100)
	s.send(t, peer.at(t, "10.0.1.2"), packets...)
	peer.expectArrived(t, packets)
	s.outletsTo("10.0.1.2").known.Store(nil)
}

func TestCloseClosesOutletsToo(t *testing.T) {
	n := newNamespace(t)
	before := openFiles(t)
	b := NewBind(Config{})
	n.run(t, func() error { _, _, err := b.Open(0); return err })
	n.run(t, func() error {
		if b.opened.Load().ipv4.outlets.open(netip.MustParseAddrPort("127.0.0.1:9")) == nil {
			t.Error("no outlet was opened")
		}
		return nil
	})
	outlets := b.opened.Load().ipv4.outlets
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open after it, %d before", after, before)
	}
	if outlets.open(netip.MustParseAddrPort("127.0.0.1:9")) != nil {
		t.Error("an outlet is opened after it")
	}
}

func TestTheNumberOfOutletsIsBounded(t *testing.T) {
	n := newNamespace(t)
	s := openStation(t, n)
	outlets := s.outletsTo("127.0.0.1")
	n.run(t, func() error {
		for i := range 2 * maxOutlets {
			own := outlets.open(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(1000+i)))
			if (own != nil) != (i < maxOutlets) {
				t.Fatalf("outlet %d: %v", i, own)
			}
		}
		return nil
	})
}

func TestNoOutletIsOpenedInAnotherNamespace(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	s := openStation(t, here)
	destination := netip.MustParseAddrPort("127.0.0.1:9")
	there.run(t, func() error {
		if s.outletsTo("127.0.0.1").open(destination) != nil {
			t.Error("one was opened")
		}
		return nil
	})
	here.run(t, func() error {
		if s.outletsTo("127.0.0.1").open(destination) != nil {
			t.Error("it is tried again at once")
		}
		s.outletsTo("127.0.0.1").retry = time.Time{}
		if s.outletsTo("127.0.0.1").open(destination) == nil {
			t.Error("it is not tried again later")
		}
		return nil
	})
}

func TestIfThePortCannotBeSharedAllSendThroughOneSocketWithoutWaiting(t *testing.T) {
	s, peer := fork(t)
	s.namespace.refuse(t, unix.SYS_SETSOCKOPT, 2, unix.SO_ATTACH_REUSEPORT_CBPF, unix.ENOPROTOOPT)
	before := openFiles(t)
	s.flood(t, peer, "10.0.1.2")
	if got := s.outletsTo("10.0.1.2").count(); got != 0 || openFiles(t) != before {
		t.Errorf("%d outlets, %d files open, %d before", got, openFiles(t), before)
	}
	peer.drop()
	packets := numbered(100, 1000)
	s.send(t, peer.at(t, "10.0.0.2"), packets...)
	peer.expectAmong(t, packets, netip.MustParseAddr("10.0.0.1"))
}
