package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"

	"wg-bridge/go/testbed"
)

func TestOpenListensOnOnePortInBothFamilies(t *testing.T) {
	n := newNamespace(t)
	s, peer := openStation(t, n), openStation(t, n)
	for _, address := range []string{"127.0.0.1", "::1"} {
		peer.send(t, s.at(t, address), []byte(address))
		if got := s.next(t, 1)[0]; got.bytes != address {
			t.Fatalf("%q arrived at %s", got.bytes, address)
		}
	}
}

func TestPort0ChoosesAPortThatIsFreeInBothFamiliesEvenIfFewAre(t *testing.T) {
	n := newNamespace(t)
	n.sysctl(t, "ipv4/ip_local_port_range", "40000 40001")
	n.run(t, func() error {
		taken, err := net.ListenPacket("udp6", "[::]:40000")
		if err != nil {
			return err
		}
		t.Cleanup(func() { taken.Close() })
		return nil
	})
	if s := openStation(t, n); s.port != 40001 {
		t.Fatalf("opened port %d, which is taken in IPv6", s.port)
	}
}

func TestOpenGivesUpIfNoPortIsFreeInBothFamilies(t *testing.T) {
	n := newNamespace(t)
	n.sysctl(t, "ipv4/ip_local_port_range", "40000 40000")
	n.run(t, func() error {
		taken, err := net.ListenPacket("udp6", "[::]:40000")
		if err != nil {
			return err
		}
		t.Cleanup(func() { taken.Close() })
		before := openFiles(t)
		if _, _, err := NewBind(Config{}).Open(0); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Open returns %v", err)
		}
		if after := openFiles(t); after != before {
			t.Errorf("%d files are open after it, %d before", after, before)
		}
		return nil
	})
}

func TestATakenPortIsAnErrorThatLeavesNothingBehind(t *testing.T) {
	n := newNamespace(t)
	s := openStation(t, n)
	n.run(t, func() error {
		before := openFiles(t)
		if _, _, err := NewBind(Config{}).Open(s.port); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Open of a port that is taken returns %v", err)
		}
		if after := openFiles(t); after != before {
			t.Errorf("%d files are open after it, %d before", after, before)
		}
		return nil
	})
}

func TestAHostWithoutOneFamilyUsesTheOther(t *testing.T) {
	for _, family := range []struct {
		name             string
		missing          uint32
		present, unknown string
	}{
		{"without IPv6", unix.AF_INET6, "127.0.0.1", "::1"},
		{"without IPv4", unix.AF_INET, "::1", "127.0.0.1"},
	} {
		t.Run(family.name, func(t *testing.T) {
			n := newNamespace(t)
			n.refuse(t, unix.SYS_SOCKET, 0, family.missing, unix.EAFNOSUPPORT)
			s := openStation(t, n)
			s.send(t, s.at(t, family.present), []byte("hello"))
			s.next(t, 1)
			if err := s.SetMark(1); err != nil {
				t.Fatal(err)
			}
			err := s.Send([][]byte{[]byte("hello")}, s.at(t, family.unknown))
			if !errors.Is(err, syscall.EAFNOSUPPORT) {
				t.Fatalf("sending to the family that is missing returns %v", err)
			}
		})
	}
	t.Run("without both", func(t *testing.T) {
		n := newNamespace(t)
		n.refuse(t, unix.SYS_SOCKET, 0, unix.AF_INET, unix.EAFNOSUPPORT)
		n.refuse(t, unix.SYS_SOCKET, 0, unix.AF_INET6, unix.EAFNOSUPPORT)
		n.run(t, func() error {
			if _, _, err := NewBind(Config{}).Open(0); !errors.Is(err, syscall.EAFNOSUPPORT) {
				t.Errorf("Open returns %v", err)
			}
			return nil
		})
	})
}

func TestAFamilyWhoseSocketsAreDeniedIsMissing(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EPERM, unix.EACCES, unix.EPROTONOSUPPORT} {
		t.Run(errno.Error(), func(t *testing.T) {
			n := newNamespace(t)
			n.refuse(t, unix.SYS_SOCKET, 0, unix.AF_INET6, errno)
			s := openStation(t, n)
			s.send(t, s.at(t, "127.0.0.1"), []byte("hello"))
			s.next(t, 1)
		})
	}
}

func TestADeniedPortIsAnError(t *testing.T) {
	const sizeofSockaddrInet6 = 28
	n := newNamespace(t)
	n.refuse(t, unix.SYS_BIND, 2, sizeofSockaddrInet6, unix.EACCES)
	n.run(t, func() error {
		if _, _, err := NewBind(Config{}).Open(0); !errors.Is(err, syscall.EACCES) {
			t.Errorf("Open returns %v", err)
		}
		return nil
	})
}

func TestDatagramsPassIfNoOptionOfASocketCanBeSet(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "veth")
	here.ip(t, "addr add 10.0.0.1/24 dev veth", "addr add fd00::1/64 dev veth nodad")
	there.ip(t, "addr add 10.0.0.9/24 dev veth", "addr add fd00::9/64 dev veth nodad")
	// All but IPV6_V6ONLY, without which the port would belong to IPv4 and IPv6 at once.
	for level, options := range map[uint32][]uint32{
		unix.SOL_SOCKET: {
			unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, unix.SO_REUSEPORT, unix.SO_TIMESTAMPNS,
		},
		unix.IPPROTO_IP: {unix.IP_PKTINFO, unix.IP_RECVTOS, unix.IP_MTU_DISCOVER}, unix.IPPROTO_UDP: {unix.UDP_GRO, unix.UDP_SEGMENT},
		unix.IPPROTO_IPV6: {unix.IPV6_RECVPKTINFO, unix.IPV6_RECVTCLASS},
	} {
		for _, option := range options {
			here.run(t, func() error {
				return testbed.RefuseOnThread(unix.ENOPROTOOPT, unix.SYS_SETSOCKOPT,
					testbed.Argument{Index: 1, Value: level}, testbed.Argument{Index: 2, Value: option})
			})
		}
	}
	s, peer := openStationWith(t, here, Config{Offloads: AllOffloads, Timestamps: true}), openStation(t, there)
	if opened := s.opened.Load(); opened.ipv4.stamped || opened.ipv6.stamped {
		t.Error("waits are measured by timestamps that there are not")
	}
	for _, address := range []string{"10.0.0.1", "fd00::1"} {
		peer.send(t, s.at(t, address), []byte("hello"))
		from := s.next(t, 1)[0].from
		if from.SrcIP().IsValid() {
			t.Errorf("learnt the source %s, which the kernel was not to report", from.SrcIP())
		}
		packets := numbered(40, 1000)
		s.send(t, from, packets...)
		peer.expectArrived(t, packets)
	}
}

func TestABindOpensOnlyOnceAtATime(t *testing.T) {
	s := openStation(t, newNamespace(t))
	if _, _, err := s.Open(0); !errors.Is(err, conn.ErrBindAlreadyOpen) {
		t.Fatalf("the second Open returns %v", err)
	}
}

func TestAClosedBindFailsWithErrClosedAndCanBeClosedAgain(t *testing.T) {
	n := newNamespace(t)
	b := NewBind(Config{})
	var receive []conn.ReceiveFunc
	n.run(t, func() (err error) { receive, _, err = b.Open(0); return err })
	to := newEndpoint(netip.MustParseAddrPort("127.0.0.1:9"))
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if err := b.Send(numbered(1, 1), to); err != net.ErrClosed {
			t.Fatalf("Send returns %v", err)
		}
		for _, f := range receive {
			if _, err := f(receiveBuffers(batchSize)); err != net.ErrClosed {
				t.Fatalf("a ReceiveFunc returns %v", err)
			}
		}
	}
}

func TestCloseWakesReceiversThatWait(t *testing.T) {
	n := newNamespace(t)
	b := NewBind(Config{})
	var receive []conn.ReceiveFunc
	n.run(t, func() (err error) { receive, _, err = b.Open(0); return err })
	answers := make(chan error)
	for _, f := range receive {
		go func() {
			_, err := f(receiveBuffers(batchSize))
			answers <- err
		}()
	}
	awaitParked(t, "(*receiver).receive(", len(receive))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for range receive {
		if err := <-answers; err != net.ErrClosed {
			t.Fatalf("a ReceiveFunc that waited returns %v", err)
		}
	}
}

func TestOpeningAndClosing100TimesLeavesNothingBehind(t *testing.T) {
	n := newNamespace(t)
	b := NewBind(Config{})
	var port uint16
	cycle := func() error {
		receive, actual, err := b.Open(port)
		if err != nil {
			return err
		}
		port = actual // the same port from now on
		done := make(chan error)
		for _, f := range receive {
			go func() {
				_, err := f(receiveBuffers(1))
				done <- err
			}()
		}
		err = b.Close()
		for range receive {
			if got := <-done; got != net.ErrClosed {
				return got
			}
		}
		return err
	}
	n.run(t, cycle) // The first also starts the runtime's poller.
	files := openFiles(t)
	n.run(t, func() error {
		for range 100 {
			if err := cycle(); err != nil {
				return err
			}
		}
		return nil
	})
	if after := openFiles(t); after != files {
		t.Errorf("%d files are open, %d before", after, files)
	}
	if stacks := allStacks(); strings.Contains(stacks, "(*routeListener).run") {
		t.Errorf("a route listener is still there:\n%s", stacks)
	}
}

func TestTheMarkIsOnPacketsUntilCloseOrFromTheNextOpen(t *testing.T) {
	n := newNamespace(t)
	// Only marked packets have a route.
	n.aloneInterface(t, "alone")
	n.ip(t, "addr add 10.0.0.1/32 dev alone", "addr add fd00::1/128 dev alone nodad",
		"rule add fwmark 7 table 100",
		"route add 10.9.9.9/32 dev alone table 100", "route add fd09::9/128 dev alone table 100")
	n.ip6(t, "rule add fwmark 7 table 100")
	b := NewBind(Config{})
	reachable := func() (ipv4, ipv6 bool) {
		t.Helper()
		for _, destination := range []struct {
			address string
			reached *bool
		}{{"10.9.9.9:9", &ipv4}, {"[fd09::9]:9", &ipv6}} {
			err := b.Send(numbered(1, 10), newEndpoint(netip.MustParseAddrPort(destination.address)))
			*destination.reached = err == nil
			if err != nil && !errors.Is(err, syscall.ENETUNREACH) {
				t.Fatal(err)
			}
		}
		return
	}
	open := func() { n.run(t, func() error { _, _, err := b.Open(0); return err }) }
	expect := func(when string, want bool) {
		t.Helper()
		if ipv4, ipv6 := reachable(); ipv4 != want || ipv6 != want {
			t.Fatalf("%s: marked IPv4 %v, IPv6 %v", when, ipv4, ipv6)
		}
	}
	setMark := func(mark uint32) {
		t.Helper()
		if err := b.SetMark(mark); err != nil {
			t.Fatal(err)
		}
	}
	open()
	defer b.Close()
	expect("at first", false)
	setMark(7)
	expect("after SetMark", true)
	b.Close()
	open()
	expect("after opening again", false)
	setMark(7)
	setMark(0)
	expect("after SetMark(0)", false)
	b.Close()
	setMark(7)
	open()
	expect("after SetMark before Open", true)
}

func TestTheEnginesLogCanTellTheReceiversApart(t *testing.T) {
	n := newNamespace(t)
	b := NewBind(Config{})
	defer b.Close()
	n.run(t, func() error {
		receive, _, err := b.Open(0)
		for i, name := range []string{"v4", "v6"} {
			if got := receive[i].PrettyName(); got != name {
				t.Errorf("a receiver is called %q, not %q", got, name)
			}
		}
		return err
	})
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func allStacks() string {
	stacks := make([]byte, 1<<20)
	return string(stacks[:runtime.Stack(stacks, true)])
}

// awaitParked waits until count goroutines with function on their stack wait for a socket.
func awaitParked(t *testing.T, function string, count int) {
	t.Helper()
	for {
		parked := 0
		for goroutine := range strings.SplitSeq(allStacks(), "\n\n") {
			if strings.Contains(goroutine, "[IO wait") && strings.Contains(goroutine, function) {
				parked++
			}
		}
		if parked == count {
			return
		}
		runtime.Gosched()
	}
}

func TestASocketWithoutAKnownAddressIsAnErrorThatLeavesNothingBehind(t *testing.T) {
	n := newNamespace(t)
	n.refuseAll(t, unix.SYS_GETSOCKNAME, unix.EIO)
	before := openFiles(t)
	n.run(t, func() error {
		if _, _, err := NewBind(Config{}).Open(0); !errors.Is(err, unix.EIO) || !strings.Contains(err.Error(), "getsockname") {
			t.Errorf("Open = %v, want EIO of getsockname", err)
		}
		return nil
	})
	if after := openFiles(t); after != before {
		t.Errorf("%d files open before, %d after", before, after)
	}
}

func TestOpenRetriesOnlyAfterTransientErrors(t *testing.T) {
	for errno, want := range map[unix.Errno]bool{
		unix.ENOMEM: true, unix.ENOBUFS: true, unix.EIO: true, unix.EMFILE: true,
		unix.EADDRINUSE: false, unix.EAFNOSUPPORT: false, unix.EPERM: false, unix.EACCES: false,
	} {
		if got := isTransient(fmt.Errorf("udp: %w", os.NewSyscallError("socket", errno))); got != want {
			t.Errorf("%v: %v", errno, got)
		}
	}
}
