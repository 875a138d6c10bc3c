package station

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"wg-bridge/go/netstack"
)

// listenNear makes the client listen, and returns the answer and where.
func listenNear(t testing.TB, c *control, address netip.Addr) (answer fields, at netip.AddrPort) {
	t.Helper()
	answer = c.ask(t, fields{"kind": "listen", "address": address, "port": 0})
	if answer["errno"] != nil {
		t.Fatal(answer)
	}
	return answer, netip.AddrPortFrom(address, uint16(number(answer["port"])))
}

// call connects from the far end.
func (p *pair) call(t testing.TB, to netip.AddrPort) *netstack.Conn {
	t.Helper()
	conn, err := p.far.DialTCP(t.Context(), netip.AddrPort{}, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Abort() })
	if err := conn.SetDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestAnIncomingStreamIsAnnouncedAndAccepted(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	for _, address := range []netip.Addr{near4, near6} {
		answer, at := listenNear(t, c, address)
		conn := p.call(t, at)
		event := await(t, c.incoming, "the announcement")
		if event["listener"] != answer["listener"] || event["address"] != conn.Local().Addr().String() ||
			uint16(number(event["port"])) != conn.Local().Port() {
			t.Errorf("announced %v", event)
		}
		stream, accepted := p.open(t, fields{"kind": "accept", "stream": event["stream"], "noDelay": true})
		if accepted["id"] != event["stream"] || accepted["remoteAddress"] != event["address"] || accepted["localAddress"] != address.String() {
			t.Errorf("accepted %v", accepted)
		}
		exchange(t, stream, conn)
		if _, again := p.open(t, fields{"kind": "accept", "stream": event["stream"]}); again["errno"] != "ECONNABORTED" {
			t.Errorf("accepted again: %v", again)
		}
	}
}

func TestAnIncomingStreamThatNobodyAcceptsIsReset(t *testing.T) {
	p := newPair(t, func(config *Config) { config.limits.accept = 50 * time.Millisecond })
	c := p.control(t)
	_, at := listenNear(t, c, near4)
	conn := p.call(t, at)
	event := await(t, c.incoming, "the announcement")
	expectReset(t, conn)
	if _, answer := p.open(t, fields{"kind": "accept", "stream": event["stream"]}); answer["errno"] != "ECONNABORTED" {
		t.Errorf("then accepted: %v", answer)
	}
	c.awaitCount(t, "streams", 0)
	c.awaitCount(t, "unaccepted", 0)
}

func TestThereIsAMaximumOfUnacceptedStreams(t *testing.T) {
	p := newPair(t, func(config *Config) { config.limits.unaccepted = 1 })
	c := p.control(t)
	_, at := listenNear(t, c, near4)
	first := p.call(t, at)
	event := await(t, c.incoming, "the announcement")
	expectReset(t, p.call(t, at))
	stream, answer := p.open(t, fields{"kind": "accept", "stream": event["stream"]})
	if answer["errno"] != nil {
		t.Fatal(answer)
	}
	exchange(t, stream, first)
	p.call(t, at)
	await(t, c.incoming, "the next announcement")
}

func TestOnceUnlistenedEveryConnectionIsRefusedAndThoseThatThereAreStay(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	answer, at := listenNear(t, c, near4)
	conn := p.call(t, at)
	event := await(t, c.incoming, "the announcement")
	if answer := c.ask(t, fields{"kind": "unlisten", "listener": answer["listener"]}); answer["errno"] != nil {
		t.Fatal(answer)
	}
	if _, err := p.far.DialTCP(t.Context(), netip.AddrPort{}, at); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("then a connection: %v", err)
	}
	stream, accepted := p.open(t, fields{"kind": "accept", "stream": event["stream"]})
	if accepted["errno"] != nil {
		t.Fatal(accepted)
	}
	exchange(t, stream, conn)
	if answer := c.ask(t, fields{"kind": "unlisten", "listener": answer["listener"]}); answer["errno"] != "EBADF" {
		t.Errorf("unlistened again: %v", answer)
	}
}

func TestWhatCannotBeListenedOnIsAnswered(t *testing.T) {
	p := newPair(t, func(config *Config) { config.limits.listeners = 1 })
	c := p.control(t)
	for name, test := range map[string]struct {
		request fields
		errno   string
	}{
		"an address of others": {fields{"address": far4}, "EADDRNOTAVAIL"},
		"not an address":       {fields{"address": "far"}, "EINVAL"},
		"a negative backlog":   {fields{"address": near4, "backlog": -1}, "EINVAL"},
	} {
		test.request["kind"] = "listen"
		if answer := c.ask(t, test.request); answer["errno"] != test.errno {
			t.Errorf("%s: %v, want %s", name, answer, test.errno)
		}
	}
	first, at := listenNear(t, c, near4)
	if answer := c.ask(t, fields{"kind": "listen", "port": 0}); answer["errno"] != "EMFILE" {
		t.Errorf("one too many: %v", answer)
	}
	c.ask(t, fields{"kind": "unlisten", "listener": first["listener"]})
	listenNear(t, c, near4) // The failures have taken no place.
	p.station.config.limits.listeners = 2
	if answer := c.ask(t, fields{"kind": "listen", "address": near4, "port": at.Port()}); answer["errno"] != nil {
		t.Errorf("a port that was released: %v", answer)
	}
	p.station.config.limits.listeners = 3
	if answer := c.ask(t, fields{"kind": "listen", "address": near4, "port": at.Port()}); answer["errno"] != "EADDRINUSE" {
		t.Errorf("a port that is taken: %v", answer)
	}
}

func TestTheEndOfTheControlChannelEndsWhatTheClientHasNotAccepted(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	_, at := listenNear(t, c, near4)
	target := p.listen(t, far4)
	stream, _ := p.connect(t, target.Local())
	peer := accept(t, target)
	waiting := p.call(t, at)
	await(t, c.incoming, "the announcement")
	if err := c.connection.Close(); err != nil {
		t.Fatal(err)
	}
	expectReset(t, waiting)
	next := p.nextControl(t)
	if _, err := p.far.DialTCP(t.Context(), netip.AddrPort{}, at); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a connection: %v", err)
	}
	exchange(t, stream, peer) // A stream does not need the channel.
	_ = stream.Close()
	next.awaitCount(t, "streams", 0)
	next.awaitCount(t, "listeners", 0)
}

// nextControl opens a control channel once the one before has ended.
func (p *pair) nextControl(t testing.TB) *control {
	t.Helper()
	for deadline := time.Now().Add(testLimit); ; {
		connection, answer := p.open(t, fields{"kind": "control"})
		_ = connection.Close()
		if answer["errno"] == nil {
			break
		}
		if answer["errno"] != "EBUSY" || time.Now().After(deadline) {
			t.Fatal(answer)
		}
	}
	for deadline := time.Now().Add(testLimit); len(p.clients()) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("a control channel does not end")
		}
	}
	return p.control(t)
}

// clients returns the processes with a control channel.
func (p *pair) clients() (processes []int) {
	p.station.mu.Lock()
	defer p.station.mu.Unlock()
	for process := range p.station.clients {
		processes = append(processes, process)
	}
	return processes
}

func TestAFailureOfAStreamWhoseClientHasNoChannelAnyMoreEndsItAtOnce(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	target := p.listen(t, far4)
	stream, _ := p.connect(t, target.Local())
	peer := accept(t, target)
	if err := c.connection.Close(); err != nil {
		t.Fatal(err)
	}
	if err := peer.Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read %v", err)
	}
}

func TestTheControlChannelAnswersEachRequestByItsID(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	p.names["far"] = []netip.Addr{far6, far4}
	if answer := c.ask(t, fields{
		"kind": "network", "addresses": []string{"10.9.0.1", "10.9.0.9", "fd09::1"}, "dns": []string{"10.9.0.2"},
		"search": []string{"example.org"}, "mtu": 1300,
	}); len(answer) != 1 {
		t.Errorf("network: %v", answer)
	}
	mtu, _ := p.near.MTU()
	if len(p.near.Addresses()) != 3 || mtu != 1300 || len(p.names["servers"]) != 1 || len(p.names["search example.org"]) != 1 {
		t.Errorf("addresses %v, MTU %d, names %v", p.near.Addresses(), mtu, p.names)
	}
	for name, test := range map[string]struct {
		request fields
		want    string // somewhere in the answer
	}{
		"lookup":               {fields{"kind": "lookup", "name": "far"}, "[fd09::2 10.9.0.2]"},
		"lookup of a family":   {fields{"kind": "lookup", "name": "far", "family": 4}, "addresses:[10.9.0.2]"},
		"lookup of an address": {fields{"kind": "lookup", "name": "fd09::2"}, "[fd09::2]"},
		"lookup of the other":  {fields{"kind": "lookup", "name": "fd09::2", "family": 4}, "ENOTFOUND"},
		"lookup of nothing":    {fields{"kind": "lookup", "name": "nowhere"}, "ENOTFOUND"},
		"lookup of family 5":   {fields{"kind": "lookup", "name": "far", "family": 5}, "EINVAL"},
		"ping":                 {fields{"kind": "ping", "address": far4, "size": 56}, "milliseconds"},
		"ping outside":         {fields{"kind": "ping", "address": elsewhere}, "EHOSTUNREACH"},
		"ping without end":     {fields{"kind": "ping", "address": mute}, "no endpoint"},
		"ping of nobody":       {fields{"kind": "ping", "address": silent4, "timeout": 50}, "message:10.9.0.3 did not answer within 50ms"},
		"code of that ping":    {fields{"kind": "ping", "address": silent4, "timeout": 50}, "errno:ETIMEDOUT"},
		"ping with a bad time": {fields{"kind": "ping", "address": far4, "timeout": 1 << 40}, "EINVAL"},
		"a bad address":        {fields{"kind": "network", "addresses": []string{"here"}}, "EINVAL"},
		"a bad server":         {fields{"kind": "network", "dns": []string{"here"}}, "EINVAL"},
		"a small MTU":          {fields{"kind": "network", "mtu": 576}, "EINVAL"},
		"an unknown kind":      {fields{"kind": "dance"}, "EPROTO"},
		"a field of a type":    {fields{"kind": "ping", "address": 7}, "EINVAL"},
		"stats":                {fields{"kind": "stats", "unknown": true}, "retransmissions:0"},
		"failed lookups":       {fields{"kind": "stats"}, "notFound:2"},
	} {
		if answer := c.ask(t, test.request); !strings.Contains(strings.ReplaceAll(toText(answer), `"`, ""), test.want) {
			t.Errorf("%s: %v, want %s", name, answer, test.want)
		}
	}
}
