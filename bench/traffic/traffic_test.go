package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"wg-bridge/go/testbed"
)

// begin runs the program until the test's end, once it is ready.
func begin(t *testing.T, args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	reader, writer := io.Pipe()
	go func() {
		err := run(ctx, args, strings.NewReader(""), writer)
		_ = writer.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := testbed.Wait(t, ended, "the program's end"); err != nil {
			t.Error(err)
		}
	})
	if _, err := io.ReadFull(reader, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
}

func TestAClientMeasuresWhatArrives(t *testing.T) {
	testbed.RequireSandbox(t)
	begin(t, "serve", "127.0.0.1")
	jobs := `{"to":"127.0.0.1:5001","direction":"up","streams":1,"seconds":0.1}
{"to":"127.0.0.1:5001","direction":"down","streams":3,"seconds":0.1}
`
	var output bytes.Buffer
	if err := run(t.Context(), []string{"client", "kernel"}, strings.NewReader(jobs), &output); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(output.String()), "\n")
	if len(lines) != 3 || lines[0] != "ready" {
		t.Fatalf("got %q", lines)
	}
	for _, line := range lines[1:] {
		var found measurement
		if err := json.Unmarshal([]byte(line), &found); err != nil {
			t.Fatal(err)
		}
		if found.Bytes < bufferSize || found.Seconds < 0.1 || found.CPU <= 0 {
			t.Errorf("got %s", line)
		}
	}
}

func TestAServerCountsWhatArrivesInTime(t *testing.T) {
	near, far := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveStream(far) }()
	if err := near.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var count [countSize]byte
	_, sent := near.Write([]byte{up, 0, 0, 0, 50, 1, 2, 3, 4, 5})
	_, answered := io.ReadFull(near, count[:])
	_, late := near.Write([]byte{6, 7}) // is read, and not counted
	if err := errors.Join(sent, answered, late, near.Close(), testbed.Wait(t, ended, "the server's end")); err != nil {
		t.Fatal(err)
	}
	elapsed := time.Duration(binary.BigEndian.Uint64(count[8:]))
	if total := binary.BigEndian.Uint64(count[:]); total != 5 || elapsed < 50*time.Millisecond {
		t.Errorf("%d bytes in %v", total, elapsed)
	}
}

func TestAStreamForNothingIsNotServed(t *testing.T) {
	near, far := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveStream(far) }()
	if _, err := near.Write([]byte{'?'}); err != nil {
		t.Fatal(err)
	}
	if err := testbed.Wait(t, ended, "the server's end"); err == nil {
		t.Error("it was served")
	}
}

func TestAJobThatIsNoneIsRefused(t *testing.T) {
	for _, line := range []string{"{}", `{"streams":1,"seconds":1,"direction":"left"}`, "[]"} {
		if err := run(t.Context(), []string{"client", "kernel"}, strings.NewReader(line+"\n"), io.Discard); err == nil {
			t.Errorf("%s was accepted", line)
		}
	}
	for _, args := range [][]string{{}, {"client", "other"}, {"relay", "1:2", "3:4", "0", "1ms", "1"}, {"relay", "1:2", "3:4", "1", "1ms", "1", "2", "1ms", "0"}, {"relay", "1:2", "3:4", "1", "1ms", "1", "0", "1ms", "1.1"}, {"serve"}} {
		if err := run(t.Context(), args, strings.NewReader("{}\n"), io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

func TestARelayCarriesBothWays(t *testing.T) {
	testbed.RequireSandbox(t)
	near, far := bind(t, "127.0.0.1:6001"), bind(t, "127.0.0.1:6002")
	begin(t, "relay", "6003:6001", "6004:6002", "1e9", "1ms", "100000")
	for _, way := range []struct {
		from, to net.PacketConn
		by       string
	}{{near, far, "127.0.0.1:6003"}, {far, near, "127.0.0.1:6004"}} {
		by, err := net.ResolveUDPAddr("udp", way.by)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := way.from.WriteTo([]byte(way.by), by); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 100)
		n, _, err := way.to.ReadFrom(got)
		if err != nil || string(got[:n]) != way.by {
			t.Errorf("got %q, %v", got[:n], err)
		}
	}
}

// Which of them are held up, and how long, TestALineHoldsSomeDatagramsUp shows, without a clock.
func TestARelayOrdersByArrivalWhenItWakesLate(t *testing.T) {
	testbed.RequireSandbox(t)
	near, far := bind(t, "127.0.0.1:6011"), bind(t, "127.0.0.1:6012")
	const share = 0.1
	begin(t, "relay", "6013:6011", "6014:6012", "1e9", "1ms", "1000000", strconv.FormatFloat(share, 'g', -1, 64), "20ms", "0")
	by := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 6013}
	const count = 200
	for n := range count {
		if _, err := near.WriteTo([]byte{byte(n)}, by); err != nil {
			t.Fatal(err)
		}
	}
	// However long the sender, the relay and this test wait for a processor: what is held up comes in order, and so does
	// the rest.
	isLate := heldUp(share, count)
	highest := map[bool]int{true: -1, false: -1}
	for range count {
		var got [1]byte
		if _, _, err := far.ReadFrom(got[:]); err != nil {
			t.Fatal(err)
		}
		n := int(got[0])
		if n <= highest[isLate[n]] {
			t.Errorf("datagram %d came after %d, held up: %v", n, highest[isLate[n]], isLate[n])
		}
		highest[isLate[n]] = n
	}
}

func bind(t *testing.T, address string) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}
