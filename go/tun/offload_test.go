package tun

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/segmentation"
	"wg-bridge/go/testbed"
)

// timeout bounds every wait of these tests. Reaching it is a failure.
const timeout = 20 * time.Second

// Each address of the interface has a neighbour, which is the interface itself: see reflect.
const (
	ownIPv4, neighbourIPv4 = "10.78.0.1", "10.78.0.2"
	ownIPv6, neighbourIPv6 = "fd78::1", "fd78::2"
)

// A mirror is an interface with some offloads that returns to the kernel what it sends, with its two addresses
// exchanged: the kernel talks to itself, but sees a neighbour.
type mirror struct {
	device *Device
	ended  chan struct{}

	mu  sync.Mutex
	gso []uint8 // types of the packets that the kernel left whole
}

func newMirror(t *testing.T, offloads Offloads) *mirror {
	t.Helper()
	device, err := New(open(t, "wgd6"), Config{Offloads: offloads})
	if err != nil {
		t.Fatal(err)
	}
	testbed.Run(t, "ip", "address", "add", ownIPv4+"/24", "dev", "wgd6")
	testbed.Run(t, "ip", "address", "add", ownIPv6+"/64", "dev", "wgd6", "nodad")
	testbed.Run(t, "ip", "link", "set", "wgd6", "up")
	m := &mirror{device: device, ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		_ = device.reader.raw.Read(m.reflect) // it ends with the device
	}()
	t.Cleanup(func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
		<-m.ended
	})
	return m
}

// reflect returns all packets that there are, and waits for more.
func (m *mirror) reflect(fd uintptr) (done bool) {
	frame := make([]byte, virtioSize+inet.MaxPacket)
	for {
		n, err := readRaw(int(fd), frame)
		if err != nil {
			return false // none now, or none any more
		}
		if header, err := decodeVirtio(frame); err == nil && header.gsoType != unix.VIRTIO_NET_HDR_GSO_NONE {
			m.mu.Lock()
			m.gso = append(m.gso, header.gsoType)
			m.mu.Unlock()
		}
		both := inet.Addresses(frame[virtioSize:n])
		half := len(both) / 2
		copy(both, slices.Concat(both[half:], both[:half])) // no checksum sees the difference
		piece := unix.Iovec{Base: &frame[0]}
		piece.SetLen(n)
		_ = writeRaw(int(fd), []unix.Iovec{piece}) // the kernel sends again what it refuses
	}
}

// left returns the offloads for which the kernel left packets whole.
func (m *mirror) left() (left Offloads) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Offloads{
		TSO4: slices.Contains(m.gso, unix.VIRTIO_NET_HDR_GSO_TCPV4),
		TSO6: slices.Contains(m.gso, unix.VIRTIO_NET_HDR_GSO_TCPV6),
		USO:  slices.Contains(m.gso, unix.VIRTIO_NET_HDR_GSO_UDP_L4),
	}
}

// everyOffloads returns all combinations.
func everyOffloads() (all []Offloads) {
	for bits := range 8 {
		all = append(all, Offloads{TSO4: bits&1 != 0, TSO6: bits&2 != 0, USO: bits&4 != 0})
	}
	return all
}

func TestTheKernelLeavesWholeExactlyWhatTheOffloadsAllow(t *testing.T) {
	testbed.RequireSandbox(t)
	for _, offloads := range everyOffloads() {
		t.Run(fmt.Sprintf("%+v", offloads), func(t *testing.T) {
			testbed.CheckLeaks(t, "wgd")
			m := newMirror(t, offloads)
			for own, neighbour := range map[string]string{ownIPv4: neighbourIPv4, ownIPv6: neighbourIPv6} {
				sendTCP(t, own, neighbour)
				sendUDP(t, own, neighbour)
			}
			want := offloads
			want.USO = m.device.writer.joiner.Joins[segmentation.UDP] // older kernels do not support it
			if left := m.left(); left != want {
				t.Errorf("left whole: %+v", left)
			}
		})
	}
}

// sendTCP sends a megabyte through the mirror and compares what arrives.
func sendTCP(t *testing.T, own, neighbour string) {
	t.Helper()
	sendTCPBy(t, own, neighbour, nil)
}

// sendTCPBy is sendTCP through a socket that control prepares.
func sendTCPBy(t *testing.T, own, neighbour string, control func(network, address string, raw syscall.RawConn) error) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(own, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	sent := bytes.Repeat([]byte("megabyte"), 1<<17)
	failed := make(chan error, 1)
	go func() { failed <- dialAndWrite(listener.Addr(), own, neighbour, control, sent) }()
	if err := listener.(*net.TCPListener).SetDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	connection, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	arrived, err := io.ReadAll(connection)
	if err = errors.Join(err, <-failed); err != nil || !bytes.Equal(arrived, sent) {
		t.Fatalf("%d of %d bytes arrived at %s: %v", len(arrived), len(sent), own, err)
	}
}

func dialAndWrite(listening net.Addr, own, neighbour string, control func(string, string, syscall.RawConn) error,
	sent []byte,
) error {
	port := listening.(*net.TCPAddr).Port
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(own)}, Timeout: timeout, Control: control}
	connection, err := dialer.Dial("tcp", net.JoinHostPort(neighbour, fmt.Sprint(port)))
	if err != nil {
		return err
	}
	_, err = connection.Write(sent)
	return errors.Join(err, connection.Close())
}

// sendUDP sends many datagrams at once through the mirror, and expects each.
func sendUDP(t *testing.T, own, neighbour string) {
	t.Helper()
	const count, size = 20, 1000
	address := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(own), 0))
	receiver, err := net.ListenUDP("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	to := netip.AddrPortFrom(netip.MustParseAddr(neighbour), receiver.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	sender, err := net.DialUDP("udp", address, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	raw, err := sender.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, size)
	}); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var sent strings.Builder
	for i := range count {
		fmt.Fprintf(&sent, "%0*d", size, i)
	}
	if _, err := sender.Write([]byte(sent.String())); err != nil {
		t.Fatal(err)
	}
	if err := receiver.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, inet.MaxPacket)
	for i := range count {
		n, err := receiver.Read(buffer)
		if want := fmt.Sprintf("%0*d", size, i); err != nil || string(buffer[:n]) != want {
			t.Fatalf("datagram %d: %d bytes, %v", i, n, err)
		}
	}
}

func TestAWriterJoinsExactlyWhatTheOffloadsAllow(t *testing.T) {
	for _, offloads := range everyOffloads() {
		w := newWriter(nil, false, offloads, nil, t.Logf)
		for _, s := range []struct {
			testbed.Stream
			joins bool
		}{
			{testbed.Stream{Version: 4, Protocol: unix.IPPROTO_TCP}, offloads.TSO4},
			{testbed.Stream{Version: 6, Protocol: unix.IPPROTO_TCP}, offloads.TSO6},
			{testbed.Stream{Version: 4, Protocol: unix.IPPROTO_UDP}, offloads.USO},
			{testbed.Stream{Version: 6, Protocol: unix.IPPROTO_UDP}, offloads.USO},
		} {
			var packets [][]byte
			for range 5 {
				packets = append(packets, s.Packet(make([]byte, 100), inet.TCPACK))
			}
			w.joiner.Join(testbed.Buffers(packets), testbed.Headroom)
			want := len(packets)
			if s.joins {
				want = 1
			}
			if got := len(w.joiner.Runs); got != want {
				t.Errorf("%+v: %d packets of IPv%d's protocol %d written as %d, want %d",
					offloads, len(packets), s.Version, s.Protocol, got, want)
			}
		}
	}
}
