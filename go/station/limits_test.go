package station

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"wg-bridge/go/netstack"
)

// grouped writes a number as docs/station.md does.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

func TestTheLimitsAreThoseOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/station.md")
	if err != nil {
		t.Fatal(err)
	}
	document := strings.Join(strings.Fields(string(text)), " ")
	for _, sentence := range []string{
		fmt.Sprintf("%s streams, of which %s may wait to be accepted", grouped(usualLimits.streams), grouped(usualLimits.unaccepted)),
		fmt.Sprintf("%s UDP sockets; %s listeners", grouped(usualLimits.datagrams), grouped(usualLimits.listeners)),
		fmt.Sprintf("`accept` it within %.0f s", usualLimits.accept.Seconds()),
		fmt.Sprintf("arrives within %.0f s", usualLimits.request.Seconds()),
		fmt.Sprintf("nobody acknowledges for %.0f s", usualLimits.orphan.Seconds()),
		fmt.Sprintf("at most %d MiB wait", usualLimits.unread>>20),
		fmt.Sprintf("more than %d MiB waits", maxQueued>>20),
	} {
		if !strings.Contains(document, sentence) {
			t.Errorf("docs/station.md does not say %q", sentence)
		}
	}
}

func TestOneUDPSocketTooManyIsRefusedAndDisturbsNobody(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	stream, conn := p.connected(t)
	for i := range usualLimits.datagrams {
		if _, answer := p.open(t, fields{"kind": "datagram"}); answer["errno"] != nil {
			t.Fatalf("socket %d: %v", i, answer)
		}
	}
	if _, answer := p.open(t, fields{"kind": "datagram"}); answer["errno"] != "EMFILE" || !strings.Contains(fmt.Sprint(answer["message"]), "1024 UDP sockets") {
		t.Errorf("one too many: %v", answer)
	}
	reaches(t, stream, conn)
	c.awaitCount(t, "datagrams", uint64(usualLimits.datagrams))
}

func TestOneListenerTooManyIsRefusedAndDisturbsNobody(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	stream, conn := p.connected(t)
	for range usualLimits.listeners {
		listenNear(t, c, near4)
	}
	if answer := c.ask(t, fields{"kind": "listen", "address": near4}); answer["errno"] != "EMFILE" || !strings.Contains(fmt.Sprint(answer["message"]), "256 listeners") {
		t.Errorf("one too many: %v", answer)
	}
	reaches(t, stream, conn)
	c.awaitCount(t, "listeners", uint64(usualLimits.listeners))
}

// connected returns both ends of a stream.
func (p *pair) connected(t testing.TB) (*net.UnixConn, *netstack.Conn) {
	t.Helper()
	listener := p.listen(t, far4)
	stream, _ := p.connect(t, listener.Local())
	return stream, accept(t, listener)
}

// reaches fails unless both ends of a stream still reach each other.
func reaches(t testing.TB, stream *net.UnixConn, conn *netstack.Conn) {
	t.Helper()
	for _, ends := range [][2]net.Conn{{stream, conn}, {conn, stream}} {
		if _, err := ends[0].Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(ends[1], make([]byte, len("hello"))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnIdleUDPSocketHoldsNoBuffer(t *testing.T) {
	const count, most = 200, 24 << 10
	p := newPair(t, nil)
	p.control(t)
	before := held()
	for range count {
		p.open(t, fields{"kind": "datagram"})
	}
	if each := (held() - before) / count; each > most {
		t.Errorf("an idle UDP socket holds %d bytes, with both ends of its connection", each)
	}
}

// held returns how many bytes this process holds after a collection.
func held() int64 {
	runtime.GC()
	runtime.GC() // a pool keeps what it holds for one collection
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int64(memory.HeapAlloc + memory.StackInuse)
}

func TestTheMemoryOfANetworkCanBeChanged(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	most := func() int {
		var option tcpip.TCPReceiveBufferSizeRangeOption
		if err := p.near.Stack().TransportProtocolOption(tcp.ProtocolNumber, &option); err != nil {
			t.Fatal(err)
		}
		return option.Max
	}
	before := most()
	network := func(memory any) fields {
		return c.ask(t, fields{"kind": "network", "addresses": []netip.Addr{near4, near6}, "memory": memory})
	}
	if answer := network(1 << 20); answer["errno"] != nil || most() != 1<<18 {
		t.Errorf("%v, buffers grow to %d bytes", answer, most())
	}
	for _, memory := range []any{1, -1, 1<<20 - 1} {
		if answer := network(memory); answer["errno"] != "EINVAL" {
			t.Errorf("%v bytes: %v", memory, answer)
		}
	}
	if answer := network(0); answer["errno"] != nil || most() != 1<<18 {
		t.Errorf("without a figure: %v, buffers grow to %d bytes", answer, most())
	}
	if answer := network(256 << 20); answer["errno"] != nil || most() != before {
		t.Errorf("%v, buffers grow to %d bytes", answer, most())
	}
}

func TestAClientIsToldThatThereIsNoDescriptorAndNobodyElseIsDisturbed(t *testing.T) {
	p := newPair(t, nil)
	p.control(t)
	stream, conn := p.connected(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	taken := []int{null}
	low := unix.Rlimit{Cur: uint64(null + 50), Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	release := func(all []int) {
		for _, fd := range all {
			_ = unix.Close(fd)
		}
	}
	restore := func() {
		release(taken)
		taken = nil
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}
	defer restore()
	take := func() (all []int) {
		for {
			fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if errors.Is(err, syscall.EMFILE) {
				return all
			} else if err != nil {
				t.Fatal(err)
			}
			all = append(all, fd)
		}
	}
	taken = append(taken, take()...)
	release(taken[len(taken)-1:]) // for the client's own end
	taken = taken[:len(taken)-1]
	for round := range 2 {
		// The station must be ready for the next one: it has its spare descriptor again once one is free, the client's.
		for deadline := time.Now().Add(testLimit); round > 0; {
			free := take()
			release(free)
			if len(free) == 1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d descriptors are free", len(free))
			}
			runtime.Gosched()
		}
		connection, answer := p.open(t, fields{"kind": "datagram"})
		if answer["errno"] != "EMFILE" || !strings.Contains(fmt.Sprint(answer["message"]), "ulimit -n") {
			t.Errorf("answered %v", answer)
		}
		reaches(t, stream, conn)
		_ = connection.Close()
	}
	restore()
	if _, answer := p.open(t, fields{"kind": "datagram"}); answer["errno"] != nil {
		t.Errorf("later: %v", answer)
	}
}
