package udp

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
)

// sizeofSockaddrNetlink distinguishes netlink sockets from others in a filter's view of bind(2) and sendto(2).
const sizeofSockaddrNetlink = unix.SizeofSockaddrNetlink

// ipFromOutside is ip by a process of another thread, which no filter of the namespace's thread applies to.
func (n *namespace) ipFromOutside(t *testing.T, line string) {
	t.Helper()
	space := fmt.Sprintf("--net=/proc/%d/task/%d/ns/net", unix.Getpid(), n.thread)
	command := append([]string{space, "ip"}, strings.Fields(line)...)
	if output, err := exec.Command("nsenter", command...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", line, err, output)
	}
}

func TestWithoutNetlinkDatagramsPassAndAnswersLeaveFromTheAddressToWhichThePeerSent(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EACCES, unix.EPERM, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT} {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			here, there := newNamespace(t), newNamespace(t)
			connect(t, here, there, "veth")
			here.ip(t, "addr add 10.0.0.1/24 dev veth", "addr add 10.0.0.2/24 dev veth", "addr add fd00::2/64 dev veth nodad")
			there.ip(t, "addr add 10.0.0.9/24 dev veth", "addr add fd00::9/64 dev veth nodad")
			here.refuse(t, unix.SYS_SOCKET, 0, unix.AF_NETLINK, errno)
			s, peer := openStation(t, here), openStation(t, there)
			for _, address := range []string{"10.0.0.1", "10.0.0.2", "fd00::2"} {
				learnt := learnSource(t, s, peer, address)
				packets := numbered(70, 1000)
				s.send(t, learnt, packets...)
				for _, d := range peer.expectArrived(t, packets) {
					if got := d.from.DstIP().String(); got != address {
						t.Fatalf("a datagram came from %s, not from %s", got, address)
					}
				}
			}
		})
	}
}

func TestIfNetlinkIsOptionalItMayFailForAnyReason(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	connect(t, here, there, "veth")
	here.ip(t, "addr add 10.0.0.1/24 dev veth", "addr add 10.0.0.2/24 dev veth")
	there.ip(t, "addr add 10.0.0.9/24 dev veth")
	here.refuse(t, unix.SYS_SOCKET, 0, unix.AF_NETLINK, unix.ENFILE)
	here.run(t, func() error {
		strict := NewBind(Config{})
		if _, _, err := strict.Open(0); !errors.Is(err, unix.ENFILE) {
			return fmt.Errorf("Open = %w, want ENFILE", errors.Join(err, strict.Close()))
		}
		return nil
	})
	s, peer := openStationWith(t, here, Config{Offloads: AllOffloads, NetlinkOptional: true}), openStation(t, there)
	for _, address := range []string{"10.0.0.1", "10.0.0.2"} {
		learnt := learnSource(t, s, peer, address)
		packets := numbered(70, 1000)
		s.send(t, learnt, packets...)
		for _, d := range peer.expectArrived(t, packets) {
			if got := d.from.DstIP().String(); got != address {
				t.Fatalf("a datagram came from %s, not from %s", got, address)
			}
		}
	}
}

func TestWithoutNetlinkASourceThatIsGoneIsDropped(t *testing.T) {
	here, there := twoWays(t)
	here.refuse(t, unix.SYS_SOCKET, 0, unix.AF_NETLINK, unix.EACCES)
	s, peer := openStation(t, here), openStation(t, there)
	learnt := learnSource(t, s, peer, "10.0.0.1")
	s.send(t, learnt, []byte("answer"))
	expectFrom(t, peer, "10.0.0.1")
	here.ipFromOutside(t, "addr del 10.0.0.1/24 dev one")
	here.ipFromOutside(t, "route replace 10.9.9.9/32 via 10.0.1.9")
	s.send(t, learnt, []byte("by the other link"))
	expectFrom(t, peer, "10.0.1.1")
}

func TestAChangedRouteChangesTheSourceThoughChangesAreNotReported(t *testing.T) {
	here, there := twoWays(t)
	here.refuse(t, unix.SYS_BIND, 2, sizeofSockaddrNetlink, unix.EACCES)
	s, peer := openStation(t, here), openStation(t, there)
	learnt := learnSource(t, s, peer, "10.0.0.1")
	s.send(t, learnt, []byte("answer"))
	expectFrom(t, peer, "10.0.0.1")
	here.ipFromOutside(t, "route replace 10.9.9.9/32 via 10.0.1.9")
	s.awaitRouteChange(t, func() {})
	s.send(t, learnt, []byte("by the other link"))
	expectFrom(t, peer, "10.0.1.1")
}

func TestAKernelThatAnswersNoQuestionsIsAskedOnceAndTheSourceIsKept(t *testing.T) {
	here, there := twoWays(t)
	var lines atomic.Int64
	s := openStationWith(t, here, Config{Logf: func(format string, _ ...any) {
		if strings.Contains(format, "sources are not checked") {
			lines.Add(1)
		}
	}})
	peer := openStation(t, there)
	learnt := learnSource(t, s, peer, "10.0.0.1")
	here.run(t, func() error {
		return testbed.RefuseOnThread(unix.EACCES, unix.SYS_SENDTO, testbed.Argument{Index: 5, Value: sizeofSockaddrNetlink})
	})
	for range 3 {
		s.generation.Add(1) // as a change of the routes
		here.run(t, func() error { return s.Send([][]byte{[]byte("answer")}, learnt) })
		expectFrom(t, peer, "10.0.0.1")
	}
	if lines.Load() != 1 {
		t.Errorf("that sources are not checked is logged %d times", lines.Load())
	}
}
