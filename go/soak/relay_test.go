package soak

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"wg-bridge/go/udp"
)

// A relay is the only way between two tunnels: what arrives at one of its ports leaves by the other,
// as the impairment lets it. It has a port for each tunnel, on loopback, and uses our own Bind there, so
// that datagrams travel joined and split as they do between real peers.
type relay struct {
	ports [2]relayPort
	lines [2]*line // by the port that receives
	done  sync.WaitGroup
}

type relayPort struct {
	bind    *udp.Bind
	number  uint16
	receive []conn.ReceiveFunc
}

// openRelay opens both ports. start makes datagrams flow; the test's end closes the ports.
func openRelay(t *testing.T, i impairment, seed uint64) *relay {
	t.Helper()
	r := &relay{}
	t.Cleanup(func() { r.close(t) })
	for n := range r.ports {
		port := &r.ports[n]
		port.bind = udp.NewBind(udp.Config{Offloads: udp.AllOffloads})
		var err error
		if port.receive, port.number, err = port.bind.Open(0); err != nil {
			t.Fatal(err)
		}
		r.lines[n] = &line{
			impairment: i,
			random:     rand.New(rand.NewPCG(seed, uint64(n))),
			arrived:    make(chan []byte, 1024),
			stopped:    make(chan struct{}),
		}
	}
	return r
}

// start relays to the tunnels that listen on these ports of 127.0.0.1.
func (r *relay) start(t *testing.T, listening [2]uint16) {
	t.Helper()
	for n, line := range r.lines {
		other := 1 - n
		to, err := r.ports[other].bind.ParseEndpoint(fmt.Sprintf("127.0.0.1:%d", listening[other]))
		if err != nil {
			t.Fatal(err)
		}
		for _, receive := range r.ports[n].receive {
			r.done.Go(func() { line.receiveAll(t, receive) })
		}
		r.done.Go(func() { line.sendAll(t, r.ports[other].bind, to) })
	}
}

func (r *relay) close(t *testing.T) {
	for n, port := range r.ports {
		if port.bind == nil {
			continue
		}
		if err := port.bind.Close(); err != nil {
			t.Error(err)
		}
		if r.lines[n] != nil {
			close(r.lines[n].stopped)
		}
	}
	r.done.Wait()
}

// A line is one direction of a relay.
type line struct {
	impairment
	random  *rand.Rand // only sendAll uses it, as all that follows
	arrived chan []byte
	stopped chan struct{}
	waiting departures
	free    time.Time // when the line has carried all that waits
	number  int

	mu    sync.Mutex
	count counts
}

// counts are what a line did, in datagrams.
type counts struct {
	arrived, lost, overflown, doubled, held, damaged, left int
	initiations, responses                                 int // of handshakes; by the type that no encryption hides
}

func (l *line) receiveAll(t *testing.T, receive conn.ReceiveFunc) {
	buffers, sizes, endpoints := make([][]byte, conn.IdealBatchSize), make([]int, conn.IdealBatchSize), make([]conn.Endpoint, conn.IdealBatchSize)
	for i := range buffers {
		buffers[i] = make([]byte, 65535)
	}
	for {
		n, err := receive(buffers, sizes, endpoints)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			t.Errorf("the relay receives: %v", err)
			return
		}
		for i := range n {
			select {
			case l.arrived <- append([]byte(nil), buffers[i][:sizes[i]]...):
			case <-l.stopped:
				return
			}
		}
	}
}

// sendAll decides what happens to each datagram, and sends when the time has come.
func (l *line) sendAll(t *testing.T, bind *udp.Bind, to conn.Endpoint) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case datagram := <-l.arrived:
			l.take(datagram, time.Now())
		case <-timer.C:
		case <-l.stopped:
			return
		}
		now := time.Now()
		due := l.waiting.due(now)
		for len(due) > 0 {
			batch := due[:min(len(due), conn.IdealBatchSize)]
			due = due[len(batch):]
			// An engine that has just ended refuses what is sent to it: that is one more loss.
			if err := bind.Send(batch, to); errors.Is(err, net.ErrClosed) {
				return
			}
			l.add(func(c *counts) { c.left += len(batch) })
		}
		if len(l.waiting) > 0 {
			timer.Reset(l.waiting[0].at.Sub(now))
		}
	}
}

func (l *line) take(datagram []byte, now time.Time) {
	fate := l.next(l.random)
	if l.free.Before(now) {
		l.free = now
	}
	overflows := l.free.Sub(now) > l.queue
	l.add(func(c *counts) { c.record(datagram, fate, overflows) })
	if overflows {
		return
	}
	datagram = fate.damage.apply(datagram)
	for range fate.copies {
		l.free = l.free.Add(time.Duration(len(datagram)) * time.Second / time.Duration(l.rate))
		l.number++
		heap.Push(&l.waiting, departure{l.free.Add(fate.delay), l.number, datagram})
	}
}

func (l *line) add(f func(*counts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.count)
}

func (l *line) counts() (c counts) {
	l.add(func(now *counts) { c = *now })
	return c
}

func (c *counts) record(datagram []byte, f fate, overflows bool) {
	c.arrived++
	if len(datagram) > 0 {
		switch datagram[0] {
		case 1:
			c.initiations++
		case 2:
			c.responses++
		}
	}
	switch {
	case overflows:
		c.overflown++
	case f.copies == 0:
		c.lost++
	case f.copies == 2:
		c.doubled++
	case f.held:
		c.held++
	case f.damage.kind != whole:
		c.damaged++
	}
}

// A departure is a datagram that has its time; number keeps those of the same time in order.
type departure struct {
	at       time.Time
	number   int
	datagram []byte
}

// departures is a heap.Interface, the next one first.
type departures []departure

func (d departures) Len() int { return len(d) }
func (d departures) Less(i, j int) bool {
	if d[i].at.Equal(d[j].at) {
		return d[i].number < d[j].number
	}
	return d[i].at.Before(d[j].at)
}
func (d departures) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *departures) Push(x any)   { *d = append(*d, x.(departure)) }
func (d *departures) Pop() any {
	last := (*d)[len(*d)-1]
	(*d)[len(*d)-1] = departure{}
	*d = (*d)[:len(*d)-1]
	return last
}

// due takes out what is to leave by now, in order.
func (d *departures) due(now time.Time) (datagrams [][]byte) {
	for len(*d) > 0 && !(*d)[0].at.After(now) {
		datagrams = append(datagrams, heap.Pop(d).(departure).datagram)
	}
	return datagrams
}
