package netstack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/inflight"
	"wg-bridge/go/testbed"
)

// rightChecksum is RFC 1071, word by word.
func rightChecksum(parts ...[]byte) bool {
	total := uint32(0)
	for i, b := range bytes.Join(parts, nil) {
		total += uint32(b) << (8 * (1 - i%2))
		total = total>>16 + total&0xffff
	}
	return total == 0xffff
}

// fault returns what is wrong with a packet of a stack without options and extension headers.
func fault(packet []byte) string {
	if len(packet) < inet.IPv4HeaderLength {
		return "it is too short"
	}
	ip, protocol, length := inet.IPv4HeaderLength, packet[inet.IPv4Protocol], int(binary.BigEndian.Uint16(packet[inet.IPv4TotalLength:]))
	if packet[0]>>4 == 6 {
		ip, protocol = inet.IPv6HeaderLength, packet[inet.IPv6NextHeader]
		length = inet.IPv6HeaderLength + int(binary.BigEndian.Uint16(packet[inet.IPv6PayloadLength:]))
	} else if !rightChecksum(packet[:ip]) {
		return "its header checksum is wrong"
	}
	if length != len(packet) {
		return fmt.Sprintf("it says that it has %d bytes", length)
	}
	transport := packet[ip:]
	if protocol == unix.IPPROTO_TCP && !rightChecksum(inet.Addresses(packet), []byte{0, protocol}, binary.BigEndian.AppendUint16(nil, uint16(len(transport))), transport) {
		return "its TCP checksum is wrong"
	}
	return ""
}

// unusedOptions is what the stack keeps free in each segment for TCP options that it may need later.
const unusedOptions = 40

// A tap sees the packets of a wire.
type tap struct {
	mu      sync.Mutex
	mtu     int
	faults  map[string]int
	packets int
	longest int
}

func (p *tap) see(packet []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.packets++
	p.longest = max(p.longest, len(packet))
	what := fault(packet)
	if len(packet) > p.mtu {
		what = fmt.Sprintf("it is longer than %d bytes", p.mtu)
	}
	if what != "" {
		if p.faults == nil {
			p.faults = make(map[string]int)
		}
		p.faults[what]++
	}
	return true
}

// newTappedPair is newPair with a tap on the wire from near to far.
func newTappedPair(t testing.TB, config Config, p *tap) (near, far *Device) {
	t.Helper()
	testbed.CheckLeaks(t, "no interface")
	near, far = newDevice(t, config, near4, near6), newDevice(t, config, far4, far6)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32), netip.PrefixFrom(far6, 128)})
	far.SetRoutes([]netip.Prefix{netip.PrefixFrom(near4, 32), netip.PrefixFrom(near6, 128)})
	connect(t, wire{from: near, to: far, filter: p.see}, wire{from: far, to: near})
	return near, far
}

func TestEverySegmentFillsTheMTUAndIsRight(t *testing.T) {
	for _, mtu := range []int{MinMTU, 1420, 9000, MaxMTU} {
		for _, address := range []netip.Addr{far4, far6} {
			p := &tap{mtu: min(mtu, maxCarried)}
			near, far := newTappedPair(t, Config{MTU: mtu}, p)
			client, server := establish(t, near, far, address)
			exchange(t, uint64(mtu), 1<<20/scale+500_000, client, server)
			p.mu.Lock()
			if len(p.faults) > 0 {
				t.Errorf("MTU %d, %v: of %d packets %v", mtu, address, p.packets, p.faults)
			}
			if p.longest < p.mtu-unusedOptions {
				t.Errorf("MTU %d, %v: the longest packet has %d bytes", mtu, address, p.longest)
			}
			p.mu.Unlock()
		}
	}
}

func TestAnMTUThatShrinksUnderLoadHoldsAtOnce(t *testing.T) {
	p := &tap{mtu: 9000}
	near, far := newTappedPair(t, Config{MTU: 9000}, p)
	client, server := establish(t, near, far, far4)
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		random := rand.New(rand.NewPCG(1, 1))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			mtu := MinMTU + random.IntN(9000-MinMTU)
			for _, d := range []*Device{near, far} {
				if err := d.SetMTU(mtu); err != nil {
					t.Error(err)
				}
			}
		}
	})
	exchange(t, 3, 10<<20/scale, client, server)
	close(stop)
	running.Wait()
	for _, d := range []*Device{near, far} {
		if err := d.SetMTU(MinMTU); err != nil {
			t.Fatal(err)
		}
	}
	old, other := establish(t, near, far, far6) // of a later MTU
	p.mu.Lock()
	p.mtu, p.longest = MinMTU, 0
	p.mu.Unlock()
	exchange(t, 4, 500_000, old, other)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.faults) > 0 || p.longest < MinMTU-unusedOptions {
		t.Errorf("the longest packet has %d bytes; of %d %v", p.longest, p.packets, p.faults)
	}
}

func TestAConnectionOlderThanItsMTUKeepsToIt(t *testing.T) {
	p := &tap{mtu: 9000}
	near, far := newTappedPair(t, Config{MTU: 9000}, p)
	client, server := establish(t, near, far, far4)
	if err := near.SetMTU(MinMTU); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.mtu, p.longest = MinMTU, 0
	p.mu.Unlock()
	exchange(t, 4, 500_000, client, server)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.faults) > 0 || p.longest < MinMTU-unusedOptions {
		t.Errorf("the longest packet has %d bytes; of %d %v", p.longest, p.packets, p.faults)
	}
}

func TestTheStackReceivesManySegmentsAsOne(t *testing.T) {
	p := &tap{mtu: 1420}
	near, far := newTappedPair(t, Config{MTU: 1420}, p)
	client, server := establish(t, near, far, far6)
	exchange(t, 5, 2<<20, client, server)
	p.mu.Lock()
	defer p.mu.Unlock()
	if received := far.Stack().Stats().TCP.ValidSegmentsReceived.Value(); received*4 > uint64(p.packets) {
		t.Errorf("the stack received %d segments of %d packets", received, p.packets)
	}
}

// damage flips a bit behind the headers of some packets.
func damage(every int, longerThan int) (filter func([]byte) bool, count *atomic.Int64) {
	random := rand.New(rand.NewPCG(9, 9))
	count = new(atomic.Int64)
	return func(packet []byte) bool {
		if len(packet) > longerThan && random.IntN(every) == 0 {
			count.Add(1)
			packet[len(packet)-1-random.IntN(longerThan-100)] ^= 1 << random.IntN(8)
		}
		return true
	}, count
}

func TestDamagedSegmentsAreSentAgain(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	near, far := newDevice(t, Config{}, near4, near6), newDevice(t, Config{}, far4, far6)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32), netip.PrefixFrom(far6, 128)})
	filter, damaged := damage(100, 200)
	connect(t, wire{from: near, to: far, filter: filter}, wire{from: far, to: near})
	for _, address := range []netip.Addr{far4, far6} {
		client, server := establish(t, near, far, address)
		exchange(t, 6, 1<<20, client, server)
	}
	if dropped := far.Stack().Stats().TCP.ChecksumErrors.Value(); int64(dropped) != damaged.Load() || dropped == 0 {
		t.Errorf("%d segments were damaged, %d dropped for that", damaged.Load(), dropped)
	}
}

func TestDamagedDatagramsNeverArrive(t *testing.T) {
	for _, size := range []int{1000, 5000} { // the second in fragments
		for _, ends := range [][2]netip.Addr{{near4, far4}, {near6, far6}} {
			testbed.CheckLeaks(t, "no interface")
			near, far := newDevice(t, Config{}, near4, near6), newDevice(t, Config{}, far4, far6)
			near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32), netip.PrefixFrom(far6, 128)})
			filter, damaged := damage(8, 200)
			connect(t, wire{from: near, to: far, filter: filter}, wire{from: far, to: near})
			sender, receiver := bind(t, near, ends[0]), bind(t, far, ends[1])
			const count = 400
			buffer, arrived := make([]byte, 2*size), 0
			for i := range count {
				sent := bytes.Repeat([]byte{byte(i), byte(i >> 8)}, size/2)
				for _, message := range [][]byte{sent, {byte(i), byte(i >> 8)}} { // The second is too short to be damaged.
					if _, err := sender.WriteToAddrPort(message, receiver.LocalAddrPort()); err != nil {
						t.Fatal(err)
					}
				}
				for {
					n, _, err := receiver.ReadFromAddrPort(buffer)
					if err != nil {
						t.Fatal(err)
					}
					if n == 2 {
						break
					}
					arrived++
					if !bytes.Equal(buffer[:n], sent) {
						t.Fatalf("%d bytes, %v: a damaged datagram arrived", size, ends[1])
					}
				}
			}
			if damaged.Load() == 0 || arrived == 0 || arrived == count {
				t.Errorf("%d bytes, %v: %d of %d arrived, %d packets were damaged", size, ends[1], arrived, count, damaged.Load())
			}
		}
	}
}

func TestFragmentsOfDifferentDatagramsAreToldApart(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	near, far := newDevice(t, Config{}, near4), newDevice(t, Config{}, far4)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32)})
	var mu sync.Mutex
	ids := make(map[uint16]int)
	connect(t, wire{from: near, to: far, filter: func(packet []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		if binary.BigEndian.Uint16(packet[inet.IPv4Fragment:])&inet.IPv4FragmentOfMore != 0 {
			ids[binary.BigEndian.Uint16(packet[inet.IPv4ID:])]++
		}
		return true
	}}, wire{from: far, to: near})
	sender, receiver := bind(t, near, near4), bind(t, far, far4)
	const count = 5
	for range count {
		sent := make([]byte, 3000)
		if _, err := sender.WriteToAddrPort(sent, receiver.LocalAddrPort()); err != nil {
			t.Fatal(err)
		}
		expectDatagram(t, receiver, sent, sender.LocalAddrPort())
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ids) < count-1 { // Two of so many may have the same by chance.
		t.Errorf("the fragments of %d datagrams have the IDs %v", count, ids)
	}
}

func TestDamagedEchoRequestsAreNotAnswered(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	near, far := newDevice(t, Config{}, near4, near6), newDevice(t, Config{}, far4, far6)
	near.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32), netip.PrefixFrom(far6, 128)})
	filter, damaged := damage(1, 300)
	connect(t, wire{from: near, to: far, filter: filter}, wire{from: far, to: near})
	for _, address := range []netip.Addr{far4, far6} {
		before := damaged.Load()
		failed := make(chan error, 1)
		go func() { _, err := near.Ping(limited(t), address, 1000); failed <- err }()
		waitFor(t, "the request", func() bool { return damaged.Load() > before })
		if _, err := near.Ping(limited(t), address, 56); err != nil { // after it
			t.Error(err)
		}
		select {
		case err := <-failed:
			t.Errorf("%v: a damaged request was answered: %v", address, err)
		default:
		}
	}
	_ = near.Close()
}

func TestPacketsThatMayHaveToWaitEnterTheEngineOneByOne(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	outbound := inflight.NewOutbound(256)
	d := newDevice(t, Config{Outbound: outbound}, near4)
	d.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32)})
	socket := bind(t, d, near4)
	for range queueLength {
		if _, err := socket.WriteToAddrPort([]byte("x"), netip.AddrPortFrom(far4, 9)); err != nil {
			t.Fatal(err)
		}
	}
	bufs, sizes := make([][]byte, d.BatchSize()), make([]int, d.BatchSize())
	for range 10 {
		for i := range bufs {
			bufs[i] = make([]byte, 1<<16) // as large as the engine's, which are recognised by their addresses
		}
		if n, err := d.Read(bufs, sizes, readRoom); n != 1 || err != nil {
			t.Fatalf("read %d packets to a destination that has never answered: %v", n, err)
		}
	}
}

func TestWrittenPacketsHaveLeftTheEngine(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	inbound := inflight.NewInbound(256)
	d := newDevice(t, Config{Inbound: inbound}, near4)
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	bufs := make([][]byte, 3)
	for i := range bufs {
		bufs[i] = make([]byte, 1<<16)
		bufs[i] = bufs[i][:readRoom+copy(bufs[i][readRoom:], s.Packet([]byte("payload"), inet.TCPACK))]
	}
	marks := []inflight.ECN{inflight.Congested, inflight.Congested, inflight.Congested}
	inbound.Enter(bufs, make([]int, 3), marks, make([]inflight.Wait, 3))
	if n, err := d.Write(bufs, readRoom); n != 3 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	inbound.Leave(bufs, marks, make([]inflight.Wait, 3))
	for i, mark := range marks {
		if mark != inflight.NotECT {
			t.Errorf("packet %d was still inside", i)
		}
	}
}

func FuzzAnyBatchIsDelivered(f *testing.F) {
	s := &testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}
	f.Add(s.Packet([]byte("payload"), inet.TCPACK), s.Packet([]byte("payload"), inet.TCPACK))
	s = &testbed.Stream{Version: 6, Protocol: unix.IPPROTO_UDP}
	f.Add(s.Packet([]byte("payload"), 0), s.Packet([]byte("payload"), 0))
	f.Add([]byte{0x45}, []byte{0x60})
	d, err := New(Config{MTU: MinMTU})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = d.Close() })
	// The addresses of testbed.Stream, and its destination port.
	if err := d.SetAddresses([]netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("::2")}); err != nil {
		f.Fatal(err)
	}
	if _, err := d.ListenTCP(netip.AddrPortFrom(netip.Addr{}, 5201), 1); err != nil {
		f.Fatal(err)
	}
	if _, err := d.BindUDP(netip.AddrPortFrom(netip.Addr{}, 5201)); err != nil {
		f.Fatal(err)
	}
	go func() { // what it answers
		bufs, sizes := [][]byte{make([]byte, readRoom+inet.MaxPacket)}, make([]int, 1)
		for {
			if _, err := d.Read(bufs, sizes, readRoom); err != nil {
				return
			}
		}
	}()
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) > inet.MaxPacket || len(b) > inet.MaxPacket {
			t.Skip()
		}
		if n, err := d.Write(testbed.Buffers([][]byte{a, b, a}), testbed.Headroom); n != 3 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	})
}
