package netstack

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"wg-bridge/go/testbed"
)

// bind returns a UDP socket that is closed at the end of the test.
func bind(t testing.TB, d *Device, address netip.Addr) *PacketConn {
	t.Helper()
	socket, err := d.BindUDP(netip.AddrPortFrom(address, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	if err := socket.SetDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	return socket
}

// expectDatagram reads a datagram and compares it.
func expectDatagram(t testing.TB, socket *PacketConn, want []byte, from netip.AddrPort) {
	t.Helper()
	buffer := make([]byte, 1<<16)
	n, source, err := socket.ReadFromAddrPort(buffer)
	if err != nil || !bytes.Equal(buffer[:n], want) || source != from {
		t.Errorf("read %d bytes from %v, want %d from %v: %v", n, source, len(want), from, err)
	}
}

func TestDatagramsOfAllLengthsArrive(t *testing.T) {
	for _, mtu := range []int{MinMTU, 9000, MaxMTU} {
		near, far := newPair(t, Config{MTU: mtu})
		for _, ends := range [][2]netip.Addr{{near4, far4}, {near6, far6}} {
			sender, receiver := bind(t, near, ends[0]), bind(t, far, ends[1])
			for _, length := range []int{0, 1, 1232, 1233, 1252, 1253, 9000, 65000, 65507} {
				sent := bytes.Repeat([]byte{byte(length), 3, 7}, length/3+1)[:length]
				if n, err := sender.WriteToAddrPort(sent, receiver.LocalAddrPort()); n != length || err != nil {
					t.Fatalf("MTU %d, %v, %d bytes: wrote %d, %v", mtu, ends[1], length, n, err)
				}
				expectDatagram(t, receiver, sent, sender.LocalAddrPort())
			}
			if _, err := sender.WriteToAddrPort(make([]byte, 65536), receiver.LocalAddrPort()); !errors.Is(err, syscall.EMSGSIZE) {
				t.Errorf("a datagram that is too long: %v", err)
			}
		}
	}
}

func TestASocketOfBothFamiliesTakesAndGivesBoth(t *testing.T) {
	near, far := newPair(t, Config{})
	both := bind(t, far, netip.Addr{})
	for _, ends := range [][2]netip.Addr{{near4, far4}, {near6, far6}} {
		one := bind(t, near, ends[0])
		if _, err := one.WriteToAddrPort([]byte("question"), netip.AddrPortFrom(ends[1], both.LocalAddrPort().Port())); err != nil {
			t.Fatal(err)
		}
		expectDatagram(t, both, []byte("question"), one.LocalAddrPort())
		if _, err := both.WriteToAddrPort([]byte("answer"), one.LocalAddrPort()); err != nil {
			t.Fatal(err)
		}
		expectDatagram(t, one, []byte("answer"), netip.AddrPortFrom(ends[1], both.LocalAddrPort().Port()))
	}
}

func TestADatagramThatDoesNotFitIsCutOff(t *testing.T) {
	near, far := newPair(t, Config{})
	sender, receiver := bind(t, near, near4), bind(t, far, far4)
	for _, sent := range []string{"too long", "", "next"} {
		if _, err := sender.WriteToAddrPort([]byte(sent), receiver.LocalAddrPort()); err != nil {
			t.Fatal(err)
		}
	}
	buffer := make([]byte, 3)
	for _, want := range []string{"too", "", "nex"} {
		if n, from, err := receiver.ReadFrom(buffer); err != nil || string(buffer[:n]) != want || from.String() != sender.LocalAddr().String() {
			t.Errorf("read %q from %v, %v", buffer[:n], from, err)
		}
	}
	if _, err := sender.WriteTo([]byte("no bytes"), receiver.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if n, from, err := receiver.ReadFromAddrPort(nil); n != 0 || err != nil || from != sender.LocalAddrPort() {
		t.Errorf("read %d bytes into nothing from %v: %v", n, from, err)
	}
	if _, err := sender.WriteTo(nil, &net.TCPAddr{}); err == nil {
		t.Error("wrote to a TCP address")
	}
}

func TestASlowReaderLosesDatagramsAndNothingElse(t *testing.T) {
	near, far := newPair(t, Config{})
	sender, receiver, other := bind(t, near, near4), bind(t, far, far4), bind(t, far, far4)
	const size = 1000
	for i := range 2 * datagramBuffer / size {
		if _, err := sender.WriteToAddrPort(fmt.Appendf(nil, "%0*d", size, i), receiver.LocalAddrPort()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sender.WriteToAddrPort([]byte("not lost"), other.LocalAddrPort()); err != nil {
		t.Fatal(err)
	}
	expectDatagram(t, other, []byte("not lost"), sender.LocalAddrPort())
	buffer, count := make([]byte, 2*size), 0
	_ = receiver.SetReadDeadline(time.Now().Add(testLimit))
	for ; ; count++ {
		if count*size >= datagramBuffer {
			break
		}
		n, _, err := receiver.ReadFromAddrPort(buffer)
		if want := fmt.Sprintf("%0*d", size, count); err != nil || string(buffer[:n]) != want {
			t.Fatalf("datagram %d: %d bytes, %v", count, n, err)
		}
	}
	_ = receiver.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, _, err := receiver.ReadFromAddrPort(buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes more than the buffer holds: %v", n, err)
	}
}

func TestCloseAndDeadlinesEndReadsOfDatagrams(t *testing.T) {
	near, _ := newPair(t, Config{})
	socket := bind(t, near, near4)
	failed := make(chan error, 2)
	read := func() { _, _, err := socket.ReadFromAddrPort(nil); failed <- err }
	go read()
	_ = socket.SetDeadline(time.Now().Add(10 * time.Millisecond))
	if err := testbed.Wait(t, failed, "the end of a read"); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read = %v", err)
	}
	if _, err := socket.WriteToAddrPort(nil, netip.AddrPortFrom(far4, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write = %v", err)
	}
	_ = socket.SetDeadline(time.Time{})
	go read()
	go read()
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := testbed.Wait(t, failed, "the end of a read"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read = %v", err)
		}
	}
	if _, err := socket.WriteToAddrPort(nil, netip.AddrPortFrom(far4, 9)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write = %v", err)
	}
	if err := errors.Join(socket.Close(), socket.SetDeadline(time.Time{})); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestASenderWaitsWhileTheEngineReadsNothing(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	d := newDevice(t, Config{}, near4)
	d.SetRoutes([]netip.Prefix{netip.PrefixFrom(far4, 32)})
	socket := bind(t, d, near4)
	to := netip.AddrPortFrom(far4, 9)
	for range queueLength {
		if _, err := socket.WriteToAddrPort([]byte("x"), to); err != nil {
			t.Fatal(err)
		}
	}
	written := make(chan error, 1)
	go func() { _, err := socket.WriteToAddrPort([]byte("one more"), to); written <- err }()
	select {
	case err := <-written:
		t.Fatalf("a write beyond the queue did not wait: %v", err)
	case <-time.After(10 * time.Millisecond): // It has to wait for ever: this only gives it a chance to fail.
	}
	bufs, sizes := [][]byte{make([]byte, 2000)}, make([]int, 1)
	if n, err := d.Read(bufs, sizes, readRoom); n != 1 || err != nil {
		t.Fatalf("Read = %d, %v", n, err)
	}
	if err := testbed.Wait(t, written, "the end of a write"); err != nil {
		t.Error(err)
	}
	go func() { _, err := socket.WriteToAddrPort([]byte("yet one more"), to); written <- err }()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := testbed.Wait(t, written, "the end of a write"); err == nil {
		t.Error("a write to a closed device succeeded")
	}
}
