package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"wg-bridge/go/testbed"
)

func TestFlowsAreSteadyAndDoNotMeet(t *testing.T) {
	next := flowJob{Flows: []flow{{Rate: 2, Size: 100}, {Rate: 2, Size: 100}}, Seconds: 1}.slots()
	var got []string
	for one, ok := next(); ok; one, ok = next() {
		got = append(got, fmt.Sprintf("%d.%d at %v", one.flow, one.number, one.at.Round(time.Millisecond)))
	}
	want := "[0.0 at 167ms 1.0 at 333ms 0.1 at 667ms 1.1 at 833ms]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, not %v", got, want)
	}
}

func TestAReceiverSaysHowLongEachDatagramWasOnItsWay(t *testing.T) {
	testbed.RequireSandbox(t)
	questions, ask := io.Pipe()
	answers, answer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(t.Context(), []string{"receive", "127.0.0.1:5004"}, questions, answer)
		_ = answer.CloseWithError(err)
		ended <- err
	}()
	if _, err := io.ReadFull(answers, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	// A datagram that is too short for a flow does not count.
	if _, err := bind(t, "127.0.0.1:0").WriteTo([]byte{0}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5004}); err != nil {
		t.Fatal(err)
	}
	var sent strings.Builder
	job := `{"seconds":0.1,"flows":[{"rate":100,"size":200},{"rate":50,"size":13}]}`
	if err := run(t.Context(), []string{"send", "127.0.0.1:5004"}, strings.NewReader(job), &sent); err != nil {
		t.Fatal(err)
	}
	if sent.String() != "ready\n{\"sent\":[10,5]}\n" {
		t.Errorf("sent %q", sent.String())
	}
	decoder := json.NewDecoder(answers)
	// Loopback delivers before a write returns, but the receiver may not have read all yet: it answers what it has.
	for found := map[string]flowSummary{}; found["0"].Received < 10 || found["1"].Received < 5; {
		if _, err := io.WriteString(ask, "{}\n"); err != nil {
			t.Fatal(err)
		}
		var next struct{ Flows map[string]flowSummary }
		if err := decoder.Decode(&next); err != nil {
			t.Fatal(err)
		}
		found = next.Flows
		for name, one := range found {
			if one.Received == 0 || one.Received > 10 || one.Median <= 0 || one.P99 < one.Median {
				t.Fatalf("flow %s: %+v", name, one)
			}
		}
	}
	_ = ask.Close()
	if err := testbed.Wait(t, ended, "the receiver's end"); err != nil {
		t.Error(err)
	}
}

func TestAFlowThatIsNoneIsRefused(t *testing.T) {
	for _, one := range []string{`{"rate":0,"size":100}`, `{"rate":1,"size":12}`, `{"rate":1,"size":1401}`} {
		job := strings.NewReader(`{"seconds":1,"flows":[` + one + `]}`)
		if err := run(t.Context(), []string{"send", "127.0.0.1:5004"}, job, io.Discard); err == nil {
			t.Errorf("%s was sent", one)
		}
	}
}
