package tunnel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
	"wg-bridge/go/uapi"
)

func connect(t *testing.T, name string) net.Conn {
	t.Helper()
	connection, err := net.Dial("unix", uapi.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

func send(t *testing.T, connection net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
}

// readAnswer reads up to the empty line.
func readAnswer(t *testing.T, reader *bufio.Reader) string {
	t.Helper()
	var answer strings.Builder
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		answer.WriteString(line)
		if line == "\n" {
			return answer.String()
		}
	}
}

func TestAClientThatHoldsHalfASetHoldsUpNobody(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	half := connect(t, "wgt0")
	send(t, half, "set=1\nfwmark=7\n")
	other := connect(t, "wgt0")
	otherReader := bufio.NewReader(other)
	send(t, other, "get=1\n\n") // The engine has had time to take the half.
	if answer := readAnswer(t, otherReader); strings.Contains(answer, "fwmark") {
		t.Errorf("half a set was made: %q", answer)
	}
	if answer, err := ask(tunnel, "set=1\nfwmark=8\n\n"); err != nil || answer != "errno=0\n\n" {
		t.Errorf("Exchange: %q, %v", answer, err)
	}
	send(t, half, "\n")
	if answer := readAnswer(t, bufio.NewReader(half)); answer != "errno=0\n\n" {
		t.Errorf("the second half: %q", answer)
	}
	send(t, other, "get=1\n\n")
	if answer := readAnswer(t, otherReader); !strings.Contains(answer, "fwmark=7\n") {
		t.Errorf("the set was not made: %q", answer)
	}
	send(t, half, "set=1\nfwmark=9\n")
	if err := half.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tunnel.Close(); err != nil {
		t.Error(err)
	}
}

func TestAClientThatDoesNotReadHoldsUpNobody(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	var peers strings.Builder
	for n := range 4000 {
		fmt.Fprintf(&peers, "public_key=%064x\n", n+1)
	}
	if answer, err := ask(tunnel, "set=1\n"+peers.String()+"\n"); err != nil || answer != "errno=0\n\n" {
		t.Fatalf("Exchange: %q, %v", answer, err)
	}
	deaf := connect(t, "wgt0")
	send(t, deaf, "get=1\n\n")
	first := make([]byte, 1)
	if _, err := io.ReadFull(deaf, first); err != nil { // The answer is on its way, and longer than a socket holds.
		t.Fatal(err)
	}
	if answer, err := ask(tunnel, "set=1\nfwmark=8\n\n"); err != nil || answer != "errno=0\n\n" {
		t.Errorf("Exchange: %q, %v", answer, err)
	}
	closed := make(chan error, 1)
	go func() { closed <- tunnel.Close() }()
	if err := testbed.Wait(t, closed, "Close"); err != nil {
		t.Error(err)
	}
}

func TestRequestsOnOneConnectionAreAnsweredOneAfterAnother(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	defer tunnel.Close()
	connection := connect(t, "wgt0")
	reader := bufio.NewReader(connection)
	send(t, connection, "set=1\nfwmark=7\n\nset=1\nno such key\nfwmark=8\n\nget=1\n\nget=1\nx")
	want := []string{"errno=0\n\n", "errno=-71\n\n", "fwmark=7\nerrno=0\n\n", "errno=-22\n\n"}
	for _, wanted := range want {
		if answer := readAnswer(t, reader); answer != wanted {
			t.Errorf("%q, want %q", answer, wanted)
		}
	}
	send(t, connection, "gets=1\n")
	if rest, err := io.ReadAll(reader); err != nil || len(rest) != 0 {
		t.Errorf("after what is no operation: %q, %v", rest, err)
	}
}

func TestRequestsAreReadWholeHoweverTheyArrive(t *testing.T) {
	const text = "set=1\n\nget=1\n\nset=1\nlisten_port=1\r\n\r\nget=1\nxset=1\na=b\n\nwg_bridge=1\n\n"
	want := []string{"set=1\n\n", "get=1\n\n", "set=1\nlisten_port=1\r\n\r\n", "get=1\nx", "set=1\na=b\n\n", "wg_bridge=1\n\n"}
	for name, from := range map[string]io.Reader{
		"whole":       strings.NewReader(text),
		"by bytes":    iotest.OneByteReader(strings.NewReader(text)),
		"with an end": iotest.DataErrReader(strings.NewReader(text)),
	} {
		requests := requestReader{from: from}
		for _, wanted := range want {
			request, err := requests.next()
			if err != nil || string(request) != wanted {
				t.Fatalf("%s: %q, %v; want %q", name, request, err, wanted)
			}
			requests.take(len(request))
		}
		if request, err := requests.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %q, %v at the end", name, request, err)
		}
	}
}

func TestWhatIsNoWholeRequestIsRefused(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("set=1\n"), strings.NewReader(strings.Repeat("fwmark=1\n", maxRequest/9+1)))
	for name, test := range map[string]struct {
		from io.Reader
		want error
	}{
		"cut short":    {strings.NewReader("set=1\nfwmark=1\n"), errCutShort},
		"no operation": {strings.NewReader("set=2\n"), errOperation},
		"no line":      {strings.NewReader("nothing that ends"), errOperation},
		"too long":     {endless, errTooLong},
	} {
		requests := requestReader{from: test.from}
		if request, err := requests.next(); !errors.Is(err, test.want) {
			t.Errorf("%s: %.20q, %v; want %v", name, request, err, test.want)
		}
	}
}

// muteConn is a connection to which nothing can be written.
type muteConn struct{ net.Conn }

func (muteConn) Write([]byte) (int, error) { return 0, unix.EIO }

func TestWhoeverCannotBeAnsweredIsHungUpOn(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	client, server := net.Pipe()
	defer client.Close()
	handled := make(chan struct{})
	go func() {
		tunnel.handle(muteConn{server})
		close(handled)
	}()
	if _, err := client.Write([]byte("get=1\n\n")); err != nil {
		t.Error(err)
	}
	testbed.Wait(t, handled, "the end of the connection")
	if err := tunnel.Close(); err != nil {
		t.Error(err)
	}
}
