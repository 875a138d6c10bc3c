package station

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
)

func TestAClientThatSendsGarbageIsAnsweredOrHungUpOnAndDisturbsNobody(t *testing.T) {
	p := newPair(t, nil)
	early, answer := p.open(t, fields{"kind": "connect", "address": far4, "port": 80})
	if answer["errno"] != "EPROTO" || !strings.Contains(answer["message"].(string), "control channel first") {
		t.Errorf("without a control channel: %v", answer)
	}
	_ = early.Close()
	c := p.control(t)
	for name, text := range map[string]string{
		"HTTP":              "GET / HTTP/1.1\r\n\r\n",
		"an empty frame":    string(header(0)),
		"no JSON":           string(header(3)) + "{x}",
		"an array":          string(header(2)) + "[]",
		"no version":        string(header(17)) + `{"kind":"uapi"  }`,
		"another version":   string(header(23)) + `{"v":2,"kind":"uapi"   }`,
		"no kind":           string(header(7)) + `{"v":1}`,
		"an unknown kind":   string(header(22)) + `{"v":1,"kind":"dance"}`,
		"a second control":  string(header(24)) + `{"v":1,"kind":"control"}`,
		"a kind of a type":  string(header(16)) + `{"v":1,"kind":1}`,
		"an unknown stream": string(header(23)) + `{"v":1,"kind":"accept"}`,
	} {
		connection := p.dial(t)
		if _, err := connection.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if answer := receive(t, connection); answer["errno"] == nil || answer["message"] == "" {
			t.Errorf("%s: %v", name, answer)
		}
		if _, err := connection.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: then %v", name, err)
		}
	}
	cut := p.dial(t)
	if _, err := cut.Write(header(100)); err != nil {
		t.Fatal(err)
	}
	_ = cut.CloseWrite()
	if _, err := cut.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a request cut short: %v", err)
	}
	c.awaitCount(t, "streams", 0)
	if len(p.errors.all()) > 0 {
		t.Errorf("logged %q", p.errors.all())
	}
}

// Whoever sends one byte a second never gets to the end of a request.
func TestAClientThatSendsHalfARequestIsHungUpOn(t *testing.T) {
	p := newPair(t, func(config *Config) { config.limits.request = 50 * time.Millisecond })
	slow := p.dial(t)
	if _, err := slow.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	// Linux says reset if the byte was not read, as on a busy machine.
	if _, err := slow.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("half a request: %v", err)
	}
	if len(p.errors.all()) > 0 {
		t.Errorf("logged %q", p.errors.all())
	}
}

func TestGarbageOnTheControlChannelEndsItAndIsLogged(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	if _, err := c.connection.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	p.nextControl(t)
	if logged := strings.Join(p.errors.all(), "\n"); !strings.Contains(logged, "control channel") || !strings.Contains(logged, "frame") {
		t.Errorf("logged %q", logged)
	}
}

func TestAClientThatDoesNotReadItsControlChannelLosesIt(t *testing.T) {
	p := newPair(t, func(config *Config) { config.limits.unread = 10_000 })
	connection, answer := p.open(t, fields{"kind": "control"})
	if len(answer) != 0 {
		t.Fatal(answer)
	}
	frame, err := appendFrame(nil, fields{"kind": strings.Repeat("x", 1000), "id": 1})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // Each of them is answered, until the station has enough.
		_, err = connection.Write(frame)
	}
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("wrote %v", err)
	}
	_ = connection.Close()
	p.nextControl(t)
}

func TestTheUAPIConnectionIsHandedOver(t *testing.T) {
	p := newPair(t, func(config *Config) {
		config.Configure = func(connection net.Conn) { _, _ = io.Copy(connection, connection) }
	})
	p.control(t)
	connection, answer := p.open(t, fields{"kind": "uapi"})
	if len(answer) != 0 {
		t.Fatal(answer)
	}
	if _, err := connection.Write([]byte("get=1\n\n")); err != nil {
		t.Fatal(err)
	}
	if err := connection.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(connection); string(got) != "get=1\n\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestOnlyTheClientsProcessMayConnect(t *testing.T) {
	p := newPair(t, func(config *Config) { config.Client, config.self = os.Getpid()+1, -1 })
	connection := p.dial(t)
	_ = writeFrame(connection, fields{"v": version, "kind": "control"}) // it may be closed already
	if _, err := connection.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read %v", err)
	}
	for deadline := time.Now().Add(testLimit); !strings.Contains(strings.Join(p.errors.all(), "\n"), "is not the one that opened the tunnel"); {
		if time.Now().After(deadline) {
			t.Fatalf("logged %q", p.errors.all())
		}
	}
}

func TestOnlyItsUserMayUseAStation(t *testing.T) {
	for _, test := range []struct {
		peer   unix.Ucred
		client int
		may    bool
	}{
		{unix.Ucred{Pid: 7, Uid: 1000}, 0, true},
		{unix.Ucred{Pid: 7, Uid: 1000}, 7, true},
		{unix.Ucred{Pid: 7, Uid: 1000}, 8, false},
		{unix.Ucred{Pid: 9, Uid: 1000}, 8, true}, // as gVisor says of everybody
		{unix.Ucred{Pid: 7, Uid: 1001}, 7, false},
		{unix.Ucred{Pid: 7, Uid: 0}, 0, false},
	} {
		err := checkPeer(&test.peer, 1000, test.client, 9)
		if (err == nil) != test.may || err != nil && (!errors.Is(err, ErrUntrusted) || !errors.Is(err, unix.EPERM)) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestTheSocketIsPrivateAndWhatIsInItsWayStays(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	directory := privateDirectory(t)
	path := filepath.Join(directory, "station")
	one, err := listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := os.Stat(path); err != nil || found.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", found.Mode(), err)
	}
	if _, err := listen(path); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a second time: %v", err)
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("what took its place is gone: %v", err)
	}
	open := filepath.Join(directory, "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path string
		want error
	}{
		"no path":                   {"", unix.EINVAL},
		"a relative path":           {"station", unix.EINVAL},
		"a long path":               {filepath.Join(directory, strings.Repeat("x", 100)), unix.EINVAL},
		"a directory that is gone":  {filepath.Join(directory, "gone", "station"), unix.ENOENT},
		"a file as directory":       {filepath.Join(path, "station"), unix.ENOTDIR},
		"a directory that is open":  {filepath.Join(open, "station"), ErrUntrusted},
		"a directory of everybody":  {"/tmp/wg-bridge-station", ErrUntrusted},
		"a file where it should be": {path, unix.EADDRINUSE},
	} {
		if _, err := listen(test.path); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestAnOutboxHasABoundAndKeepsNothingOnceItIsRead(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	box := newOutbox(10)
	put := func(text string) bool {
		return box.put(len(text), func(to []byte) []byte { return append(to, text...) })
	}
	if !put("12345") || !put("67890") || put("x") {
		t.Error("the bound is not 10 bytes")
	}
	here, there := net.Pipe()
	ended := make(chan struct{})
	go func() {
		box.run(here)
		close(ended)
	}()
	got := make([]byte, 10)
	if _, err := io.ReadFull(there, got); err != nil || string(got) != "1234567890" {
		t.Errorf("%q, %v", got, err)
	}
	for deadline := time.Now().Add(testLimit); box.size() > 0; {
		if time.Now().After(deadline) {
			t.Fatal("it keeps what it has written")
		}
	}
	if !put("once more") {
		t.Error("there is no room again")
	}
	_ = there.Close()
	await(t, ended, "the end")
	if put("x") {
		t.Error("it takes what it cannot write")
	}
}
