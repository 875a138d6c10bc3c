package tun

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/segmentation"
	"wg-bridge/go/testbed"
)

// A fakeTUN receives what a writer writes, packet by packet, without an interface.
type fakeTUN struct {
	writer *writer
	kernel int // where the packets come out
	lines  []string
}

// newFakeTUN returns a fakeTUN whose file has the given descriptor.
func newFakeTUN(t *testing.T, descriptor int) *fakeTUN {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	testbed.Descriptor(t, ends[0], descriptor)
	file := os.NewFile(uintptr(descriptor), "fake TUN")
	t.Cleanup(func() {
		if err := errors.Join(file.Close(), unix.Close(ends[1])); err != nil {
			t.Error(err)
		}
	})
	raw, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeTUN{kernel: ends[1]}
	f.writer = newWriter(raw, false, AllOffloads, nil, func(format string, arguments ...any) {
		f.lines = append(f.lines, fmt.Sprintf(format, arguments...))
	})
	return f
}

// written returns the packets that have come out, each with its header.
func (f *fakeTUN) written(t *testing.T) (packets [][]byte) {
	t.Helper()
	frame := make([]byte, virtioSize+inet.MaxPacket)
	for {
		n, err := unix.Read(f.kernel, frame)
		if errors.Is(err, unix.EAGAIN) {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, bytes.Clone(frame[:n]))
	}
}

// expectSingles fails the test unless exactly these packets have come out, each alone and unchanged.
func (f *fakeTUN) expectSingles(t *testing.T, packets [][]byte) {
	t.Helper()
	got := f.written(t)
	if len(got) != len(packets) {
		t.Fatalf("%d writes of %d packets", len(got), len(packets))
	}
	for i, one := range got {
		if want := slices.Concat(make([]byte, virtioSize), packets[i]); !bytes.Equal(one, want) {
			t.Errorf("packet %d:\n got %x\nwant %x", i, one, want)
		}
	}
}

// batch returns packets of a flow that can be joined into one. The last has PSH, so that none can follow.
func batch(s *testbed.Stream, count int) (packets [][]byte) {
	for i := range count {
		flags := inet.TCPACK
		if i == count-1 {
			flags |= inet.TCPPSH
		}
		packets = append(packets, s.Packet(bytes.Repeat([]byte{byte(i)}, 100), flags))
	}
	return packets
}

func flush(t *testing.T, w *writer, packets [][]byte) {
	t.Helper()
	if n, err := w.flush(testbed.Buffers(packets), testbed.Headroom); n != len(packets) || err != nil {
		t.Fatalf("wrote %d of %d packets: %v", n, len(packets), err)
	}
}

func TestPacketsThatTheKernelRefusesJoinedAreWrittenOneByOne(t *testing.T) {
	const descriptor = 601
	tun := newFakeTUN(t, descriptor)
	testbed.Refuse(t, unix.EINVAL, unix.SYS_WRITEV, testbed.Argument{Index: 0, Value: descriptor},
		testbed.Argument{Index: 2, Value: 1, Above: true})
	for i, of := range []testbed.Stream{
		{Version: 4, Protocol: unix.IPPROTO_TCP},
		{Version: 6, Protocol: unix.IPPROTO_TCP},
		{Version: 4, Protocol: unix.IPPROTO_UDP},
		{Version: 6, Protocol: unix.IPPROTO_UDP}, // UDP is refused by then
	} {
		kind := []segmentation.Kind{segmentation.TCP4, segmentation.TCP6, segmentation.UDP, segmentation.UDP}[i]
		if refused := i == 3; tun.writer.joiner.Joins[kind] == refused {
			t.Errorf("%v is refused before it was tried, or not after it was", kind)
		}
		for range 3 { // The kernel is not tried again, and nothing more is logged.
			packets := batch(&of, 10)
			flush(t, tun.writer, packets)
			tun.expectSingles(t, packets)
		}
		if tun.writer.joiner.Joins[kind] {
			t.Errorf("%v is still joined", kind)
		}
	}
	if len(tun.lines) != int(segmentation.Kinds) || !strings.Contains(tun.lines[0], segmentation.TCP4.String()) {
		t.Errorf("logged %q", tun.lines)
	}
}

func TestARefusalAppliesToOneKindAndExpires(t *testing.T) {
	const descriptor, refused = 602, 3
	tun := newFakeTUN(t, descriptor)
	testbed.Refuse(t, unix.EOPNOTSUPP, unix.SYS_WRITEV, testbed.Argument{Index: 0, Value: descriptor},
		testbed.Argument{Index: 2, Value: refused})
	datagrams, segments := &testbed.Stream{Version: 6, Protocol: unix.IPPROTO_UDP}, &testbed.Stream{Version: 6, Protocol: unix.IPPROTO_TCP}
	flush(t, tun.writer, batch(datagrams, refused))
	if got := len(tun.written(t)); got != refused {
		t.Errorf("%d datagrams in %d writes", refused, got)
	}
	flush(t, tun.writer, batch(segments, 5))
	if got := len(tun.written(t)); got != 1 {
		t.Errorf("TCP is written in %d writes, as UDP is", got)
	}
	flush(t, tun.writer, batch(datagrams, 5))
	if got := len(tun.written(t)); got != 5 {
		t.Errorf("5 datagrams in %d writes after a refusal", got)
	}
	tun.writer.refusals.at[segmentation.UDP] = time.Now().Add(-refusalLifetime)
	flush(t, tun.writer, batch(datagrams, 5))
	if got := len(tun.written(t)); got != 1 {
		t.Errorf("5 datagrams in %d writes after a refusal was forgotten", got)
	}
	flush(t, tun.writer, batch(datagrams, refused))
	if len(tun.lines) != 1 {
		t.Errorf("logged %q", tun.lines)
	}
}

func TestATransientFailureOfAJoinedWriteDoesNotEndJoining(t *testing.T) {
	const descriptor, failing = 603, 3
	tun := newFakeTUN(t, descriptor)
	testbed.Refuse(t, unix.ENOMEM, unix.SYS_WRITEV, testbed.Argument{Index: 0, Value: descriptor},
		testbed.Argument{Index: 2, Value: failing})
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	packets := batch(s, failing)
	flush(t, tun.writer, packets)
	tun.expectSingles(t, packets)
	flush(t, tun.writer, batch(s, 5))
	if got := len(tun.written(t)); got != 1 || len(tun.lines) != 0 {
		t.Errorf("5 segments in %d writes; logged %q", got, tun.lines)
	}
}

func TestAPacketThatTheKernelNeverAcceptsIsReportedOnceAndDoesNotEndJoining(t *testing.T) {
	const descriptor = 604
	for _, errno := range []unix.Errno{unix.EINVAL, unix.EIO} {
		t.Run(errno.Error(), func(t *testing.T) {
			number := descriptor + int(errno)
			tun := newFakeTUN(t, number)
			testbed.Refuse(t, errno, unix.SYS_WRITEV, testbed.Argument{Index: 0, Value: uint32(number)})
			s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
			reports := 0
			for range 20 {
				n, err := tun.writer.flush(testbed.Buffers(batch(s, 5)), testbed.Headroom)
				if n != 0 {
					t.Fatalf("%d packets were written", n)
				}
				if err != nil {
					reports++
				}
			}
			if reports != 1 {
				t.Errorf("%d errors of 20 writes", reports)
			}
			if !tun.writer.joiner.Joins[segmentation.TCP4] || len(tun.lines) != 0 {
				t.Errorf("nothing is joined any more; logged %q", tun.lines)
			}
			tun.writer.losses.reported = time.Now().Add(-reportInterval)
			_, err := tun.writer.flush(testbed.Buffers(batch(s, 5)), testbed.Headroom)
			if !errors.Is(err, errno) || !strings.Contains(err.Error(), "100 packets") {
				t.Errorf("reported later: %v", err)
			}
		})
	}
}

func TestSinglePacketsThatHaveToWaitAreNotWrittenTwice(t *testing.T) {
	const descriptor = 701
	tun := newFakeTUN(t, descriptor)
	testbed.Refuse(t, unix.EINVAL, unix.SYS_WRITEV, testbed.Argument{Index: 0, Value: descriptor},
		testbed.Argument{Index: 2, Value: 1, Above: true})
	if err := unix.SetsockoptInt(descriptor, unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
		t.Fatal(err)
	}
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_UDP}
	packets := batch(s, segmentation.MaxSegments)
	done := make(chan error, 1)
	go func() {
		_, err := tun.writer.flush(testbed.Buffers(packets), testbed.Headroom)
		done <- err
	}()
	var got [][]byte
	for len(got) < len(packets) {
		poll := []unix.PollFd{{Fd: int32(tun.kernel), Events: unix.POLLIN}}
		if n, err := unix.Poll(poll, int(timeout.Milliseconds())); err != nil && !errors.Is(err, unix.EINTR) || n == 0 && err == nil {
			t.Fatalf("%d of %d packets: %v", len(got), len(packets), err)
		}
		got = append(got, tun.written(t)...)
	}
	if err := testbed.Wait(t, done, "a batch"); err != nil {
		t.Fatal(err)
	}
	got = append(got, tun.written(t)...)
	for i, one := range got {
		if i >= len(packets) || !bytes.Equal(one[virtioSize:], packets[i]) {
			t.Fatalf("write %d of %d is another packet", i, len(got))
		}
	}
}

func TestAKernelThatRefusesJoinedPacketsReceivesThemAll(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	const descriptor = 702
	device := newDeviceAt(t, "wgd8", descriptor)
	testbed.Refuse(t, unix.EINVAL, unix.SYS_WRITEV, testbed.Argument{Index: 0, Value: descriptor},
		testbed.Argument{Index: 2, Value: 1, Above: true})
	full := make(chan int, 1)
	go reflectRouted(device, 0, full)
	defer func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
		testbed.Wait(t, full, "the end of the mirror")
	}()
	testbed.Run(t, "ip", "address", "add", ownIPv4+"/24", "dev", "wgd8")
	testbed.Run(t, "ip", "address", "add", ownIPv6+"/64", "dev", "wgd8", "nodad")
	testbed.Run(t, "ip", "link", "set", "wgd8", "up")
	for own, neighbour := range map[string]string{ownIPv4: neighbourIPv4, ownIPv6: neighbourIPv6} {
		sendTCP(t, own, neighbour)
		sendUDP(t, own, neighbour)
	}
	if device.writer.joiner.Joins[segmentation.TCP4] || device.writer.joiner.Joins[segmentation.TCP6] {
		t.Error("TCP was not refused")
	}
}
