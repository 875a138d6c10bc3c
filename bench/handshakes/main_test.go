package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/tuntest"
	"wg-bridge/go/testbed"
)

// responder is a tunnel on loopback, of the real engine.
type responder struct {
	engine *device.Device
	public string
	port   string
}

func newResponder(t *testing.T) responder {
	t.Helper()
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgh")
	private, public, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	engine := device.NewDevice(tuntest.NewChannelTUN().TUN(), conn.NewDefaultBind(), device.NewLogger(device.LogLevelSilent, ""))
	t.Cleanup(engine.Close)
	if err := engine.IpcSet(fmt.Sprintf("private_key=%s\n", hex.EncodeToString(private[:]))); err != nil {
		t.Fatal(err)
	}
	if err := engine.Up(); err != nil {
		t.Fatal(err)
	}
	state, err := engine.IpcGet()
	if err != nil {
		t.Fatal(err)
	}
	_, port, found := strings.Cut(state, "listen_port=")
	if !found {
		t.Fatalf("the engine does not report its port: %s", state)
	}
	port, _, _ = strings.Cut(port, "\n")
	return responder{engine, base64.StdEncoding.EncodeToString(public), port}
}

// ask runs the client for so many handshakes, of which the responder knows the initiators of the first.
func (r responder) ask(t *testing.T, count, known int) (result, error) {
	t.Helper()
	input, begin := io.Pipe()
	printed, output := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run([]string{"127.0.0.1:" + r.port, r.public, fmt.Sprint(count)}, input, output)
		output.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(printed)
	next := func() string {
		if !lines.Scan() {
			return ""
		}
		return lines.Text()
	}
	if address, _, err := net.SplitHostPort(next()); err != nil || address != "127.0.0.1" {
		t.Errorf("reports that it sends from %q: %v", address, err)
	}
	for i := range count {
		public, err := base64.StdEncoding.DecodeString(next())
		if err != nil {
			t.Fatal(err)
		}
		if i >= known {
			continue
		}
		if err := r.engine.IpcSet(fmt.Sprintf("public_key=%s\n", hex.EncodeToString(public))); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(begin, "go")
	var measured result
	if line := next(); line != "" {
		if err := json.Unmarshal([]byte(line), &measured); err != nil {
			t.Fatal(err)
		}
	}
	return measured, <-ended
}

func TestCountsEveryInitiatorThatAnEngineAnswers(t *testing.T) {
	measured, err := newResponder(t).ask(t, 2*window, 2*window)
	if err != nil {
		t.Fatal(err)
	}
	if measured.Answered != 2*window || measured.PerSecond <= 0 {
		t.Errorf("%d of %d answered, %v a second", measured.Answered, 2*window, measured.PerSecond)
	}
}

func TestCountsNoInitiatorThatTheEngineDoesNotKnow(t *testing.T) {
	measured, err := newResponder(t).ask(t, 10, 4)
	if err != nil {
		t.Fatal(err)
	}
	if measured.Answered != 4 {
		t.Errorf("%d answered, of 4 known initiators", measured.Answered)
	}
}

func TestSaysThatNothingWasAnswered(t *testing.T) {
	if _, err := newResponder(t).ask(t, 2, 0); err == nil || err.Error() != "no initiation was answered" {
		t.Errorf("ends with %v", err)
	}
}

func TestRefusesArgumentsThatItCannotRead(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(make([]byte, device.NoisePublicKeySize))
	for _, c := range []struct {
		args    []string
		refusal string
	}{
		{nil, "usage:"},
		{[]string{"127.0.0.1:1", "AAAA", "1"}, "is not a public key"},
		{[]string{"127.0.0.1:1", key, "0"}, "is not a number of handshakes"},
		{[]string{"127.0.0.1", key, "1"}, "cannot reach"},
	} {
		if err := run(c.args, strings.NewReader(""), io.Discard); err == nil || !strings.Contains(err.Error(), c.refusal) {
			t.Errorf("%q: %v", c.args, err)
		}
	}
}
