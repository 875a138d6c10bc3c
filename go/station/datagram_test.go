package station

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/netstack"
)

// bindFar opens a UDP socket at the far end.
func (p *pair) bindFar(t testing.TB, address netip.Addr) *netstack.PacketConn {
	t.Helper()
	socket, err := p.far.BindUDP(netip.AddrPortFrom(address, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	if err := socket.SetDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	return socket
}

// readDatagram reads one frame of a datagram.
func readDatagram(from io.Reader) (address netip.AddrPort, payload []byte, err error) {
	text := make([]byte, datagramLength)
	if _, err := io.ReadFull(from, text); err != nil {
		return address, nil, err
	}
	text = append(text, make([]byte, binary.BigEndian.Uint16(text))...)
	if _, err := io.ReadFull(from, text[datagramLength:]); err != nil {
		return address, nil, err
	}
	address, payload, _, _, err = cutDatagram(text)
	return address, payload, err
}

func TestDatagramsKeepTheirOrderAndTheirAddressesBothWays(t *testing.T) {
	p := newPair(t, nil)
	p.control(t)
	for near, far := range map[netip.Addr]netip.Addr{near4: far4, near6: far6} {
		peer := p.bindFar(t, far)
		socket, answer := p.open(t, fields{"kind": "datagram", "address": near})
		own := netip.AddrPortFrom(near, uint16(number(answer["port"])))
		if answer["address"] != near.String() || own.Port() == 0 || number(answer["id"]) == 0 {
			t.Fatal(answer)
		}
		sizes := []int{0, 1, 100, 1392, 1393, 9000, maxPayload - 40} // from those of one packet to those of many fragments
		into := make([]byte, maxPayload)
		for round, size := range sizes {
			payload := bytes.Repeat([]byte{byte(round + 1)}, size)
			if _, err := socket.Write(appendDatagram(nil, peer.LocalAddrPort(), payload)); err != nil {
				t.Fatal(err)
			}
			n, from, err := peer.ReadFromAddrPort(into)
			if err != nil || from != own || !bytes.Equal(into[:n], payload) {
				t.Fatalf("%d bytes: the far end gets %d from %v, %v", size, n, from, err)
			}
			if _, err := peer.WriteToAddrPort(payload, own); err != nil {
				t.Fatal(err)
			}
			if from, got, err := readDatagram(socket); err != nil || from != peer.LocalAddrPort() || !bytes.Equal(got, payload) {
				t.Fatalf("%d bytes: the client gets %d from %v, %v", size, len(got), from, err)
			}
		}
		const many = 500
		var all []byte
		for i := range many {
			all = appendDatagram(all, peer.LocalAddrPort(), binary.BigEndian.AppendUint32(nil, uint32(i)))
		}
		for _, b := range all[:200] { // A client may write how it likes.
			if _, err := socket.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := socket.Write(all[200:]); err != nil {
			t.Fatal(err)
		}
		for i := range many {
			n, _, err := peer.ReadFromAddrPort(into)
			if err != nil || binary.BigEndian.Uint32(into[:n]) != uint32(i) {
				t.Fatalf("datagram %d: %x, %v", i, into[:n], err)
			}
		}
	}
}

func TestDatagramsThatAreNotReadAreDroppedAndCounted(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	peer := p.bindFar(t, far4)
	socket, answer := p.open(t, fields{"kind": "datagram", "address": near4})
	own := netip.AddrPortFrom(near4, uint16(number(answer["port"])))
	payload := make([]byte, 1000)
	// The first crosses alone: while the engine sends what waited for the handshake, later packets may overtake it.
	if _, err := peer.WriteToAddrPort(payload, own); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readDatagram(socket); err != nil {
		t.Fatal(err)
	}
	sent, received, dropped := uint64(1), uint64(1), uint64(0)
	for ; len(c.dropped) == 0; sent++ { // until the socket and the station are full
		binary.BigEndian.PutUint64(payload, sent)
		if _, err := peer.WriteToAddrPort(payload, own); err != nil {
			t.Fatal(err)
		}
	}
	if waiting := p.station.queued(number(answer["id"])); waiting < maxQueued-2*len(payload) {
		t.Errorf("dropped while %d bytes wait for the client", waiting)
	}
	const end = ^uint64(0)
	read := make(chan error, 1)
	go func() {
		for last := uint64(0); ; received++ {
			_, got, err := readDatagram(socket)
			if err != nil {
				read <- err
				return
			}
			at := binary.BigEndian.Uint64(got)
			if at <= last {
				read <- fmt.Errorf("datagram %d comes after %d", at, last)
				return
			}
			if last = at; at == end {
				received++
				read <- nil
				return
			}
		}
	}()
	binary.BigEndian.PutUint64(payload, end)
	for ended := false; !ended; sent++ { // until one arrives, because somebody reads now
		if _, err := peer.WriteToAddrPort(payload, own); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-read:
			if err != nil {
				t.Fatal(err)
			}
			ended = true
		default:
		}
	}
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	c.awaitCount(t, "datagrams", 0) // Everything is counted by then.
	for len(c.dropped) > 0 {
		event := <-c.dropped
		if event["datagram"] != answer["id"] {
			t.Errorf("told %v", event)
		}
		dropped += number(event["count"])
	}
	all := number(c.ask(t, fields{"kind": "stats"})["dropped"])
	ofStack := p.near.Stack().Stats().UDP.ReceiveBufferErrors.Value()
	if all != dropped+ofStack || received+all > sent || dropped == 0 {
		t.Errorf("%d sent, %d received, told of %d dropped, %d counted, %d of them by the stack", sent, received, dropped, all, ofStack)
	}
}

// queued returns how many bytes wait for the client of a UDP socket.
func (s *Station) queued(id uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.datagrams[id].outbox.size()
}

func TestADatagramThatCannotBeSentIsToldAndTheOthersAreSent(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	peer := p.bindFar(t, far4)
	for name, test := range map[string]struct {
		to    netip.Addr
		errno string
	}{"outside": {elsewhere, "EHOSTUNREACH"}, "no endpoint": {mute, "EHOSTUNREACH"}} {
		socket, answer := p.open(t, fields{"kind": "datagram"})
		wrong := appendDatagram(nil, netip.AddrPortFrom(test.to, 9), []byte("lost"))
		if _, err := socket.Write(appendDatagram(wrong, peer.LocalAddrPort(), []byte("found"))); err != nil {
			t.Fatal(err)
		}
		into := make([]byte, 100)
		if n, _, err := peer.ReadFromAddrPort(into); string(into[:n]) != "found" || err != nil {
			t.Errorf("%s: %q, %v", name, into[:n], err)
		}
		told := c.awaitFailure(t, number(answer["id"]))
		if told["errno"] != test.errno || told["address"] != test.to.String() || number(told["port"]) != 9 {
			t.Errorf("%s: told %v", name, told)
		}
	}
}

func TestAClientThatSendsNoDatagramsLosesItsSocketAndIsTold(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	for name, text := range map[string][]byte{
		"an empty frame":         {0, 0},
		"an address of 5 bytes":  {0, 9, 5, 1, 2, 3, 4, 5, 0, 9},
		"no room for a port":     {0, 6, 4, 10, 9, 0, 2, 0},
		"no room for an address": {0, 1, 16},
		"more than UDP carries":  {0xff, 0xff, 4},
	} {
		socket, answer := p.open(t, fields{"kind": "datagram"})
		if _, err := socket.Write(text); err != nil {
			t.Fatal(err)
		}
		if told := c.awaitFailure(t, number(answer["id"])); told["errno"] != "EPROTO" {
			t.Errorf("%s: told %v", name, told)
		}
		if _, err := socket.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.awaitCount(t, "datagrams", 0)
}

func TestAUDPSocketThatCannotBeOpenedIsAnswered(t *testing.T) {
	p := newPair(t, func(config *Config) { config.limits.datagrams = 1 })
	c := p.control(t)
	if _, answer := p.open(t, fields{"kind": "datagram", "address": far4}); answer["errno"] != "EADDRNOTAVAIL" {
		t.Errorf("an address of others: %v", answer)
	}
	first, answer := p.open(t, fields{"kind": "datagram", "address": near4})
	if _, second := p.open(t, fields{"kind": "datagram", "address": near4, "port": answer["port"]}); second["errno"] != "EADDRINUSE" {
		t.Errorf("a port that is taken: %v", second)
	}
	if _, second := p.open(t, fields{"kind": "datagram"}); second["errno"] != "EMFILE" {
		t.Errorf("one too many: %v", second)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	c.awaitCount(t, "datagrams", 0)
	if _, answer := p.open(t, fields{"kind": "datagram", "address": near4, "port": answer["port"]}); answer["errno"] != nil {
		t.Errorf("after the first is closed: %v", answer)
	}
	if err := p.station.Close(); err != nil { // also while one is open
		t.Error(err)
	}
}

func FuzzCutDatagram(f *testing.F) {
	f.Add(appendDatagram(nil, netip.AddrPortFrom(far4, 53), []byte("question")), uint8(3))
	f.Add(appendDatagram(appendDatagram(nil, netip.AddrPortFrom(far6, 53), nil), netip.AddrPortFrom(far4, 1), []byte{0}), uint8(20))
	f.Add([]byte{0, 0}, uint8(1))
	f.Add([]byte{0xff, 0xff, 16}, uint8(2))
	f.Fuzz(func(t *testing.T, text []byte, cut uint8) {
		whole, wholeErr := cutAll(nil, text)
		at := min(int(cut), len(text))
		pieces, err := cutAll(text[:at], text[at:])
		if !bytes.Equal(whole, pieces) || (err == nil) != (wholeErr == nil) {
			t.Errorf("whole %x, %v; in pieces %x, %v", whole, wholeErr, pieces, err)
		}
		if wholeErr == nil && !bytes.HasPrefix(text, whole) && !mapped(text) {
			t.Errorf("%x is written %x", text, whole)
		}
		if wholeErr != nil && !errors.Is(wholeErr, unix.EPROTO) {
			t.Error(wholeErr)
		}
	})
}

// cutAll takes the frames off two texts that follow each other, and writes them again.
func cutAll(texts ...[]byte) (written []byte, err error) {
	var rest []byte
	for _, text := range texts {
		rest = append(rest, text...)
		for {
			address, payload, left, ok, err := cutDatagram(rest)
			if err != nil {
				return written, err
			}
			rest = left
			if !ok {
				break
			}
			if len(payload) > maxPayload {
				return nil, net.ErrClosed
			}
			written = appendDatagram(written, address, payload)
		}
	}
	return written, nil
}

// mapped reports whether an IPv4 address may be written in 16 bytes somewhere: it is read as the address in 4.
func mapped(text []byte) bool {
	return bytes.Contains(text, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})
}
