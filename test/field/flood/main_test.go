package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"wg-bridge/go/testbed"
)

// listen opens a socket with room for all datagrams of a test.
func listen(t *testing.T, address string) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return socket
}

// received waits for the next datagram.
func received(t *testing.T, socket *net.UDPConn) []byte {
	t.Helper()
	if err := socket.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	datagram := make([]byte, 65536)
	n, err := socket.Read(datagram)
	if err != nil {
		t.Fatal(err)
	}
	return datagram[:n]
}

func runFlood(t *testing.T, args ...string) result {
	t.Helper()
	var output bytes.Buffer
	if err := run(args, &output); err != nil {
		t.Fatal(err)
	}
	var sent result
	if err := json.Unmarshal(output.Bytes(), &sent); err != nil {
		t.Fatal(err)
	}
	return sent
}

func TestFloodOffersWhatTheRateAsksForToEachDestinationInTurn(t *testing.T) {
	testbed.RequireSandbox(t)
	first := listen(t, "127.0.0.1:0")
	port := first.LocalAddr().(*net.UDPAddr).Port
	second := listen(t, fmt.Sprintf("127.0.0.2:%d", port))
	sent := runFlood(t, "-size", "100", "-rate", "1000", "-seconds", "0.1", "-destinations", "2", first.LocalAddr().String())
	if sent.Offered != 100 || sent.Refused != 0 {
		t.Errorf("got %+v, want 100 offered and none refused", sent)
	}
	for _, socket := range []*net.UDPConn{first, second} {
		if got := received(t, socket); len(got) != 100 {
			t.Errorf("got a datagram of %d bytes, want 100", len(got))
		}
	}
}

func TestAFloodOfEachDestinationLastsItsSecondsForEach(t *testing.T) {
	testbed.RequireSandbox(t)
	socket := listen(t, "127.0.0.1:0")
	sent := runFlood(t, "-rate", "1000", "-seconds", "0.1", "-destinations", "3", "-each", socket.LocalAddr().String())
	if sent.Offered != 300 {
		t.Errorf("got %+v, want 300 offered", sent)
	}
}

func TestJoinedDatagramsArriveOneByOne(t *testing.T) {
	testbed.RequireSandbox(t)
	socket := listen(t, "127.0.0.1:0")
	to := socket.LocalAddr().String()
	sent := runFlood(t, "-size", "100", "-rate", "1000", "-seconds", "0.1", "-joined", "30", to)
	if sent.Offered != 90 || sent.Sent != 90 {
		t.Errorf("got %+v, want 90 offered and sent", sent)
	}
	for range sent.Sent {
		if got := received(t, socket); len(got) != 100 {
			t.Fatalf("got a datagram of %d bytes, want 100", len(got))
		}
	}
}

func TestFloodForAReceiverSendsItsDataMessages(t *testing.T) {
	testbed.RequireSandbox(t)
	socket := listen(t, "127.0.0.1:0")
	to := socket.LocalAddr().String()
	runFlood(t, "-size", "64", "-rate", "1000", "-seconds", "0.01", "-receiver", "305419896", to)
	message := received(t, socket)
	if len(message) != 64 || binary.LittleEndian.Uint32(message) != dataMessage || binary.LittleEndian.Uint32(message[4:]) != 0x12345678 {
		t.Errorf("got % x, want a data message for 0x12345678", message)
	}
	if bytes.Equal(message[dataHeaderEnd:], make([]byte, 48)) {
		t.Error("the rest is zero, want random bytes")
	}
}

func TestCaptureFindsTheReceiverOfADataMessage(t *testing.T) {
	packet := make([]byte, 20+8+minSize)
	packet[0], packet[9] = 0x45, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(packet[22:], 51820)
	packet[28] = dataMessage
	binary.LittleEndian.PutUint32(packet[32:], 7)
	if index, ok := receiverOf(packet, 51820); !ok || index != 7 {
		t.Errorf("got %d, %v, want 7", index, ok)
	}
	for name, change := range map[string]func(other []byte){
		"another port":   func(other []byte) { other[23]++ },
		"a handshake":    func(other []byte) { other[28] = 1 },
		"TCP":            func(other []byte) { other[9] = unix.IPPROTO_TCP },
		"long options":   func(other []byte) { other[0] = 0x4f },
		"a short header": func(other []byte) { other[0] = 0x41 },
	} {
		other := bytes.Clone(packet)
		change(other)
		if _, ok := receiverOf(other, 51820); ok {
			t.Errorf("mistakes %s for a data message to the port", name)
		}
	}
}

func TestFloodRefusesWhatItCannotSend(t *testing.T) {
	for _, args := range [][]string{
		{}, {"127.0.0.1"}, {"[::1]:9"}, {"127.0.0.1:9", "127.0.0.2:9"},
		{"-rate", "0", "127.0.0.1:9"}, {"-tick", "1s", "127.0.0.1:9"}, {"-size", "65508", "127.0.0.1:9"},
		{"-receiver", "x", "127.0.0.1:9"}, {"-receiver", "1", "-size", "31", "127.0.0.1:9"},
		{"-joined", "2", "-receiver", "1", "127.0.0.1:9"}, {"-joined", "48", "127.0.0.1:9"},
		{"capture", "65536"},
	} {
		if err := run(args, new(bytes.Buffer)); err == nil {
			t.Errorf("accepts %s", strings.Join(args, " "))
		}
	}
}
