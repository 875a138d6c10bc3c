package station

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"wg-bridge/go/netstack"
)

func TestAStreamCarriesBytesBothWaysAndSaysItsEnds(t *testing.T) {
	p := newPair(t, nil)
	p.control(t)
	for family, address := range map[string]netip.Addr{"IPv4": far4, "IPv6": far6} {
		listener := p.listen(t, address)
		stream, answer := p.open(t, fields{"kind": "connect", "address": address, "port": listener.Local().Port()})
		conn := accept(t, listener)
		want := endsOf(uint64(answer["id"].(float64)), conn.Remote(), conn.Local())
		got := ends{
			number(answer["id"]), answer["localAddress"].(string), uint16(number(answer["localPort"])),
			answer["remoteAddress"].(string), uint16(number(answer["remotePort"])), answer["remoteFamily"].(string),
		}
		if got != want || got.RemoteFamily != family {
			t.Errorf("%s: the answer is %v, want %v", family, got, want)
		}
		exchange(t, stream, conn)
	}
}

// exchange sends random bytes both ways at once, and ends both sides.
func exchange(t testing.TB, near, far endOfStream) {
	t.Helper()
	sums := make(chan [2][]byte, 2)
	var random rand.ChaCha8
	sent := make([]byte, 1<<20)
	_, _ = random.Read(sent)
	for _, pair := range [][2]endOfStream{{near, far}, {far, near}} {
		go func() {
			_, err := pair[0].Write(sent)
			if err = errors.Join(err, pair[0].CloseWrite()); err != nil {
				t.Error(err)
			}
		}()
		go func() {
			hash := sha256.New()
			if _, err := io.Copy(hash, struct{ io.Reader }{pair[1]}); err != nil {
				t.Error(err)
			}
			sums <- [2][]byte{hash.Sum(nil)}
		}()
	}
	want := sha256.Sum256(sent)
	for range 2 {
		if got := await(t, sums, "the bytes"); !bytes.Equal(got[0], want[:]) {
			t.Error("the bytes have changed")
		}
	}
}

type endOfStream interface {
	io.ReadWriter
	CloseWrite() error
}

func TestAConnectionThatFailsIsAnsweredWithTheReason(t *testing.T) {
	p := newPair(t, nil)
	p.control(t)
	closed := p.listen(t, far4)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		request fields
		errno   string
		message string
	}{
		"refused":         {fields{"address": far4, "port": closed.Local().Port()}, "ECONNREFUSED", ""},
		"silent":          {fields{"address": silent4, "port": 80, "timeout": 200}, "ETIMEDOUT", "not connected within 200ms"},
		"outside":         {fields{"address": elsewhere, "port": 80}, "EHOSTUNREACH", "10.9.0.2/31"},
		"no endpoint":     {fields{"address": mute, "port": 80}, "EHOSTUNREACH", "no endpoint"},
		"loopback":        {fields{"address": "127.0.0.1", "port": 80}, "EHOSTUNREACH", ""},
		"not an address":  {fields{"address": "10.9.0", "port": 80}, "EINVAL", `"10.9.0"`},
		"a zone":          {fields{"address": "fe80::1%lo", "port": 80}, "EINVAL", ""},
		"no target":       {fields{"port": 80}, "EINVAL", ""},
		"two targets":     {fields{"address": far4, "host": "far", "port": 80}, "EINVAL", ""},
		"no port":         {fields{"address": far4}, "EADDRNOTAVAIL", ""},
		"a large port":    {fields{"address": far4, "port": 65536}, "EINVAL", `"port"`},
		"a port of text":  {fields{"address": far4, "port": "80"}, "EINVAL", `"port"`},
		"a bad timeout":   {fields{"address": far4, "port": 80, "timeout": -1}, "EINVAL", "-1 ms"},
		"a bad option":    {fields{"address": far4, "port": 80, "keepAlive": "yes"}, "EINVAL", "keepAlive"},
		"not its address": {fields{"address": far4, "port": 80, "localAddress": elsewhere}, "EADDRNOTAVAIL", ""},
		"no such name":    {fields{"host": "nowhere", "port": 80}, "ENOTFOUND", "nowhere"},
		"a slow name":     {fields{"host": "slow", "port": 80, "timeout": 100}, "ETIMEDOUT", ""},
	} {
		test.request["kind"] = "connect"
		connection, answer := p.open(t, test.request)
		message, _ := answer["message"].(string)
		if answer["errno"] != test.errno || message == "" || !strings.Contains(message, test.message) {
			t.Errorf("%s: %v, want %s with %q", name, answer, test.errno, test.message)
		}
		if _, err := connection.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: then %v, want the end", name, err)
		}
	}
}

func TestANameIsConnectedByTheFirstAddressThatAnswers(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	p.names["far"] = []netip.Addr{silent4, elsewhere, far6, far4}
	p.names["far4"] = []netip.Addr{far4}
	p.names["gone"] = []netip.Addr{elsewhere}
	port := listener.Local().Port()
	for _, host := range []string{"far", "far4", far4.String()} {
		_, answer := p.open(t, fields{"kind": "connect", "host": host, "port": port})
		if answer["remoteAddress"] != far4.String() {
			t.Errorf("%s: %v", host, answer)
		}
	}
	if _, answer := p.open(t, fields{"kind": "connect", "host": "gone", "port": port}); answer["errno"] != "EHOSTUNREACH" {
		t.Errorf("without an address that can be reached: %v", answer)
	}
	if _, answer := p.open(t, fields{"kind": "connect", "host": "far", "family": 6, "port": port}); answer["errno"] != "ECONNREFUSED" {
		t.Errorf("of the other family: %v", answer)
	}
	c.awaitCount(t, "streams", 3)
}

func TestEachSideEndsForItself(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	for name, first := range map[string]int{"the client": 0, "the far end": 1} {
		stream, _ := p.connect(t, listener.Local())
		conn := accept(t, listener)
		ends := []endOfStream{stream, conn}
		one, other := ends[first], ends[1-first]
		if _, err := one.Write([]byte("question")); err != nil {
			t.Fatal(err)
		}
		if err := one.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(struct{ io.Reader }{other}); string(got) != "question" || err != nil {
			t.Errorf("%s has ended: %q, %v", name, got, err)
		}
		if _, err := other.Write([]byte("answer")); err != nil { // The other direction goes on.
			t.Fatal(err)
		}
		if err := other.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(struct{ io.Reader }{one}); string(got) != "answer" || err != nil {
			t.Errorf("%s has ended, and gets %q, %v", name, got, err)
		}
		// Once both have ended, the stream is over, though neither has closed its end.
		c.awaitCount(t, "streams", 0)
	}
	if len(c.failed) != 0 {
		t.Errorf("told %v", c.failed)
	}
}

func TestAResetByTheFarEndIsToldBeforeTheStreamEndsAndAfterItsData(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	for range 100 {
		stream, id := p.connect(t, listener.Local())
		conn := accept(t, listener)
		if _, err := conn.Write([]byte("some bytes")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(stream, got); err != nil { // They have arrived.
			t.Fatal(err)
		}
		if err := conn.Abort(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(stream)
		if told := c.failure(id); string(got)+string(rest) != "some bytes" || err != nil || told["errno"] != "ECONNRESET" {
			t.Fatalf("read %q, %v; told %v", rest, err, told)
		}
		_ = stream.Close()
	}
	c.awaitCount(t, "streams", 0)
}

func TestAResetWhileTheClientWritesIsToldToo(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	for range 20 {
		stream, id := p.connect(t, listener.Local())
		conn := accept(t, listener)
		written := make(chan error, 1)
		go func() {
			_, err := io.Copy(struct{ io.Writer }{stream}, endless{})
			written <- err
		}()
		if _, err := io.ReadFull(conn, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		if err := conn.Abort(); err != nil {
			t.Fatal(err)
		}
		// What the client has sent and nobody has read makes its end an error.
		if _, err := io.ReadAll(stream); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read %v", err)
		}
		if told := c.failure(id); told["errno"] != "ECONNRESET" {
			t.Fatalf("told %v", told)
		}
		if err := await(t, written, "the end of the writing"); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("wrote %v", err)
		}
		_ = stream.Close()
	}
}

// endless reads as bytes without an end.
type endless struct{}

func (endless) Read(into []byte) (int, error) { return len(into), nil }

func TestAClientThatAcknowledgesNothingHoldsUpOnlyItsStream(t *testing.T) {
	p := newPair(t, func(config *Config) { config.limits.ack = 50 * time.Millisecond })
	c := p.control(t)
	c.mu.Lock()
	c.silent = true
	c.mu.Unlock()
	listener := p.listen(t, far4)
	stream, id := p.connect(t, listener.Local())
	if err := accept(t, listener).Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read %v", err)
	}
	if told := c.awaitFailure(t, id); told["errno"] != "ECONNRESET" {
		t.Errorf("told %v", told)
	}
}

func TestAResetByTheClientReachesTheFarEnd(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	stream, id := p.connect(t, listener.Local())
	conn := accept(t, listener)
	if answer := c.ask(t, fields{"kind": "reset", "stream": id}); answer["errno"] != nil {
		t.Fatal(answer)
	}
	expectReset(t, conn)
	if _, err := stream.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read %v", err)
	}
	c.awaitCount(t, "streams", 0)
	if told := c.failure(id); told != nil {
		t.Errorf("told %v", told)
	}
	if answer := c.ask(t, fields{"kind": "reset", "stream": id}); answer["errno"] != "EBADF" {
		t.Errorf("a second time: %v", answer)
	}
}

func TestAClientThatClosesItsConnectionHasStillSentWhatItWrote(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	stream, _ := p.connect(t, listener.Local())
	conn := accept(t, listener)
	if _, err := stream.Write([]byte("farewell")); err != nil {
		t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != "farewell" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	c.awaitCount(t, "streams", 0)
	// It is closed, and not only half: what comes now is refused.
	err := error(nil)
	for deadline := time.Now().Add(testLimit); err == nil && time.Now().Before(deadline); {
		_, err = conn.Write([]byte("too late"))
	}
	if !errors.Is(err, syscall.EPIPE) { // As in the kernel, a reset after the end of the file.
		t.Errorf("then the far end writes %v", err)
	}
}

func TestAClientThatClosesItsConnectionWithoutReadingAllResetsIt(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	for name, size := range map[string]int{"some": 1000, "more than the buffers hold": 4 << 20} {
		stream, _ := p.connect(t, listener.Local())
		conn := accept(t, listener)
		written := make(chan error, 1)
		go func() {
			_, err := conn.Write(make([]byte, size))
			written <- err
		}()
		if _, err := io.ReadFull(stream, make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
		expectReset(t, conn)
		<-written
		c.awaitCount(t, "streams", 0)
		if len(c.failed) != 0 {
			t.Errorf("%s: told %v", name, c.failed)
		}
	}
}

// fill writes until every buffer on the way to the far end is full, and returns how many bytes that took.
func fill(t testing.TB, stream *net.UnixConn) (total int64) {
	t.Helper()
	for {
		if err := stream.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(struct{ io.Writer }{stream}, endless{})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if total += n; n == 0 {
			return total
		}
	}
}

func TestWhatWaitsWhenAClientClosesItsConnectionIsStillSent(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	stream, _ := p.connect(t, listener.Local())
	conn := accept(t, listener)
	total := fill(t, stream)
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, conn); n != total || err != nil {
		t.Errorf("%d of %d bytes, %v", n, total, err)
	}
	c.awaitCount(t, "streams", 0)
}

func TestAnUploadThatNobodyReadsEndsWhenItsClientIsGone(t *testing.T) {
	p := newPair(t, func(config *Config) { config.limits.orphan = 500 * time.Millisecond })
	c := p.control(t)
	listener := p.listen(t, far4)
	stream, _ := p.connect(t, listener.Local())
	conn := accept(t, listener)
	fill(t, stream)
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	c.awaitCount(t, "streams", 0)
	for deadline := time.Now().Add(testLimit); p.near.Stack().Stats().TCP.CurrentConnected.Value() > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the stack keeps what it cannot send")
		}
	}
	_ = conn.Abort()
}

func TestAHundredStreamsAtOnce(t *testing.T) { openAtOnce(t, 100) }

// openAtOnce opens streams, sends a question on each once all are open, and checks the answers.
func openAtOnce(t *testing.T, streams int) {
	t.Helper()
	p := newPair(t, nil)
	c := p.control(t)
	target := p.echo(t)
	var work sync.WaitGroup
	var all sync.WaitGroup // until every stream is open
	all.Add(streams)
	for range streams {
		work.Go(func() {
			stream, answer, err := p.tryToOpen(t, fields{"kind": "connect", "address": target.Addr(), "port": target.Port()})
			all.Done()
			all.Wait()
			if err != nil || answer["errno"] != nil {
				t.Errorf("%v, %v", answer, err)
				return
			}
			question := make([]byte, 10_000)
			for i := range question {
				question[i] = byte(i)
			}
			go func() {
				if _, err := stream.Write(question); err != nil {
					t.Error(err)
				}
				_ = stream.CloseWrite()
			}()
			if answer, err := io.ReadAll(stream); !bytes.Equal(answer, question) || err != nil {
				t.Errorf("%d bytes, %v", len(answer), err)
			}
			_ = stream.Close()
		})
	}
	work.Wait()
	c.awaitCount(t, "streams", 0)
	if sent := number(c.ask(t, fields{"kind": "stats"})["sent"]); sent != uint64(streams)*10_000 {
		t.Errorf("sent %d", sent)
	}
}

func TestAnIdleStreamHasOneSmallGoroutine(t *testing.T) {
	p := newPair(t, nil)
	p.control(t)
	target := p.echo(t)
	streams := make([]*net.UnixConn, 200)
	for i := range streams {
		stream, answer := p.open(t, fields{"kind": "connect", "address": target.Addr(), "port": target.Port()})
		if answer["errno"] != nil {
			t.Fatal(answer)
		}
		streams[i] = stream
	}
	// The second time, the goroutines are others.
	for range 2 {
		for _, stream := range streams {
			for range 2 * busyBursts {
				if _, err := stream.Write([]byte("question")); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(stream, make([]byte, 8)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for deadline := time.Now().Add(testLimit); pumps() > len(streams); runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("%d goroutines for %d streams", pumps(), len(streams))
			}
		}
		for deadline := time.Now().Add(testLimit); !p.isCold(); time.Sleep(coolingInterval / 10) {
			if time.Now().After(deadline) {
				t.Fatal("goroutines that have called the TCP/IP stack are not relieved")
			}
		}
	}
}

// isCold reports whether no goroutine of a stream holds memory that it does not need.
func (p *pair) isCold() bool {
	p.station.mu.Lock()
	defer p.station.mu.Unlock()
	for _, one := range p.station.streams {
		if w := &one.outbound.warmth; w.since.Load() != 0 || w.over.Load() {
			return false
		}
	}
	return true
}

// pumps returns how many goroutines of this package move the bytes of streams.
func pumps() (count int) {
	stacks := make([]byte, 8<<20)
	for _, one := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(one, "station.(*inbound)") || strings.Contains(one, "station.(*outbound)") ||
			strings.Contains(one, "station.(*Station).serve") && !strings.Contains(one, "control") {
			count++
		}
	}
	return count
}

func TestManyStreamsOneAfterAnotherLeaveNothingBehind(t *testing.T) {
	streams := 1_000
	if text := os.Getenv("WG_BRIDGE_STREAMS"); text != "" {
		var err error
		if streams, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	p := newPair(t, nil)
	forgetful := tcpip.TCPTimeWaitTimeoutOption(10 * time.Millisecond) // otherwise each is remembered for ten seconds
	if err := p.near.Stack().SetTransportProtocolOption(tcp.ProtocolNumber, &forgetful); err != nil {
		t.Fatal(err)
	}
	c := p.control(t)
	target := p.echo(t)
	before := make(map[*netstack.Device]int) // the listener
	for _, end := range []*netstack.Device{p.near, p.far} {
		before[end] = len(end.Stack().RegisteredEndpoints())
	}
	once := func() {
		stream, answer, err := p.tryToOpen(nil, fields{"kind": "connect", "address": target.Addr(), "port": target.Port()})
		if err != nil || answer["errno"] != nil {
			t.Fatal(answer, err)
		}
		if _, err := stream.Write([]byte("question")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(stream, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (goroutines, descriptors int, objects uint64) {
		c.awaitCount(t, "streams", 0)
		for _, end := range []*netstack.Device{p.near, p.far} {
			for deadline := time.Now().Add(testLimit); len(end.Stack().RegisteredEndpoints())+len(end.Stack().CleanupEndpoints()) > before[end]; runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Fatal("there are still connections")
				}
			}
		}
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.GC() // the first one has emptied the pools
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return runtime.NumGoroutine(), len(open), memory.HeapObjects
	}
	for range 500 {
		once()
	}
	// Objects and not bytes: the engine has now a few more of its large buffers in use, now a few less. It also has now more
	// objects and now less, by as many as two for each stream: what streams leave behind, each further round adds to.
	const rounds = 10
	goroutines, descriptors, objects := count()
	for round := 1; ; round++ {
		for range streams {
			once()
		}
		goroutinesAfter, descriptorsAfter, objectsAfter := count()
		t.Logf("goroutines %d, then %d; descriptors %d, then %d; objects %d, then %d",
			goroutines, goroutinesAfter, descriptors, descriptorsAfter, objects, objectsAfter)
		if goroutinesAfter <= goroutines+5 && descriptorsAfter <= descriptors && objectsAfter <= objects+uint64(streams)*2 {
			return
		}
		if round == rounds {
			t.Fatalf("%d times %d streams left something behind", rounds, streams)
		}
	}
}

func TestNothingKeepsAStreamInTimeWait(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	target := p.echo(t)
	const count = 10
	var collected atomic.Int64
	for range count {
		stream, answer, err := p.tryToOpen(nil, fields{"kind": "connect", "address": target.Addr(), "port": target.Port()})
		if err != nil || answer["errno"] != nil {
			t.Fatal(answer, err)
		}
		p.station.mu.Lock()
		kept := p.station.streams[uint64(number(answer["id"]))]
		p.station.mu.Unlock()
		runtime.AddCleanup(kept, func(struct{}) { collected.Add(1) }, struct{}{})
		if _, err := stream.Write([]byte("question")); err != nil {
			t.Fatal(err)
		}
		if err := stream.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(stream); err != nil {
			t.Fatal(err)
		}
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c.awaitCount(t, "streams", 0)
	for deadline := time.Now().Add(testLimit); collected.Load() < count; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d streams were collected", collected.Load(), count)
		}
	}
	waiting := 0
	for _, endpoint := range p.near.Stack().RegisteredEndpoints() {
		if tcp.EndpointState(endpoint.(*tcp.Endpoint).State()) == tcp.StateTimeWait {
			waiting++
		}
	}
	if waiting != count {
		t.Errorf("%d connections are in TIME-WAIT, want %d", waiting, count)
	}
}

func TestAClientThatHangsUpDuringTheConnectLeavesNothing(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	for range 50 {
		connection := p.dial(t)
		send(t, connection, fields{"v": version, "kind": "connect", "address": silent4, "port": 80, "timeout": testLimit.Milliseconds()})
		if _, err := connection.Write([]byte("sent too early")); err != nil {
			t.Fatal(err)
		}
		if err := connection.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c.awaitCount(t, "streams", 0)
}

func TestWhatIsSentWithTheRequestBelongsToTheStream(t *testing.T) {
	p := newPair(t, nil)
	p.control(t)
	listener := p.listen(t, far4)
	connection := p.dial(t)
	frame, err := appendFrame(nil, fields{"v": version, "kind": "connect", "address": far4, "port": listener.Local().Port()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connection.Write(append(frame, "early"...)); err != nil {
		t.Fatal(err)
	}
	if err := connection.CloseWrite(); err != nil { // This is not a hanging up.
		t.Fatal(err)
	}
	if answer := receive(t, connection); answer["errno"] != nil {
		t.Fatal(answer)
	}
	if got, err := io.ReadAll(accept(t, listener)); string(got) != "early" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestThereIsAMaximumOfStreams(t *testing.T) {
	p := newPair(t, func(config *Config) { config.limits.streams = 2 })
	c := p.control(t)
	target := p.echo(t)
	first, _ := p.connect(t, target)
	p.connect(t, target)
	if _, answer := p.open(t, fields{"kind": "connect", "address": target.Addr(), "port": target.Port()}); answer["errno"] != "EMFILE" {
		t.Errorf("a third one: %v", answer)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	c.awaitCount(t, "streams", 1)
	p.connect(t, target)
}

func TestCloseResetsEveryStream(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	stream, _ := p.connect(t, listener.Local())
	conn := accept(t, listener)
	listening := c.ask(t, fields{"kind": "listen", "address": near4, "port": 0})
	waiting, err := p.far.DialTCP(t.Context(), netip.AddrPort{}, netip.AddrPortFrom(near4, uint16(number(listening["port"]))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = waiting.Abort() })
	await(t, c.incoming, "the announcement")
	if err := waiting.SetDeadline(time.Now().Add(testLimit)); err != nil {
		t.Fatal(err)
	}
	connecting := p.dial(t)
	send(t, connecting, fields{"v": version, "kind": "connect", "address": silent4, "port": 80})
	if err := p.station.Close(); err != nil {
		t.Fatal(err)
	}
	expectReset(t, conn)
	expectReset(t, waiting)
	if _, err := stream.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read %v", err)
	}
	if _, err := os.Stat(p.station.config.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket: %v", err)
	}
}

func TestOptionsReachTheStack(t *testing.T) {
	p := newPair(t, nil)
	c := p.control(t)
	listener := p.listen(t, far4)
	_, answer := p.open(t, fields{"kind": "connect", "address": far4, "port": listener.Local().Port(), "keepAlive": 1500, "noDelay": false})
	id := number(answer["id"])
	stream, err := p.station.streamOf(p.station.clientOf(os.Getpid()), id)
	if err != nil {
		t.Fatal(err)
	}
	options := stream.endpoint.SocketOptions()
	if !options.GetKeepAlive() || !options.GetDelayOption() {
		t.Error("connect does not set the options")
	}
	if answer := c.ask(t, fields{"kind": "option", "stream": id, "keepAlive": false, "noDelay": true}); answer["errno"] != nil {
		t.Fatal(answer)
	}
	if options.GetKeepAlive() || options.GetDelayOption() {
		t.Error("option does not set the options")
	}
	if answer := c.ask(t, fields{"kind": "option", "stream": id, "keepAlive": true}); answer["errno"] != nil || !options.GetKeepAlive() {
		t.Error(answer)
	}
	if answer := c.ask(t, fields{"kind": "option", "stream": id + 1}); answer["errno"] != "EBADF" {
		t.Error(answer)
	}
}
