package soak

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"wg-bridge/go/udp"
)

// A relay is the only path between two tunnels: a datagram that arrives at one of its two ports leaves by the other,
// as the impairment allows. Each tunnel has a port on loopback. The ports use our own Bind, so that datagrams travel
// coalesced and are split again, as between real peers.
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

// openRelay opens both ports, and closes them at the test's end. Datagrams flow once start is called.
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

// start relays between the tunnels that listen on these ports of 127.0.0.1.
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

// arrivals returns how many datagrams have arrived at both ports.
func (r *relay) arrivals() int { return r.lines[0].counts().arrived + r.lines[1].counts().arrived }

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
	arrived chan []byte
	stopped chan struct{}

	// Only sendAll uses these.
	random    *rand.Rand
	departing departures
	free      time.Time // when the line will have carried every departing datagram

	mu    sync.Mutex
	count counts
}

// counts are in datagrams.
type counts struct {
	arrived, lost, dropped, duplicated, reordered, damaged, sent int
	initiations, responses                                       int // of handshakes, by the type, which is in clear
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
			t.Errorf("the relay cannot receive: %v", err)
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

// sendAll decides each datagram's fate, and sends it when it is due.
func (l *line) sendAll(t *testing.T, bind *udp.Bind, to conn.Endpoint) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case datagram := <-l.arrived:
			l.schedule(datagram, time.Now())
		case <-timer.C:
		case <-l.stopped:
			return
		}
		now := time.Now()
		due := l.departing.due(now)
		for len(due) > 0 {
			batch := due[:min(len(due), conn.IdealBatchSize)]
			due = due[len(batch):]
			// A tunnel that has just closed refuses datagrams: these are lost too.
			if err := bind.Send(batch, to); errors.Is(err, net.ErrClosed) {
				return
			}
			l.update(func(c *counts) { c.sent += len(batch) })
		}
		if len(l.departing) > 0 {
			timer.Reset(l.departing[0].at.Sub(now))
		}
	}
}

// schedule draws the datagram's fate, and adds its copies to the departures.
func (l *line) schedule(datagram []byte, now time.Time) {
	fate := l.next(l.random)
	if l.free.Before(now) {
		l.free = now
	}
	full := l.free.Sub(now) > l.queue
	l.update(func(c *counts) { c.record(datagram, fate, full) })
	if full {
		return
	}
	datagram = fate.damage.apply(datagram)
	for range fate.copies {
		l.free = l.free.Add(time.Duration(len(datagram)) * time.Second / time.Duration(l.rate))
		l.departing.add(departure{l.free.Add(fate.delay), datagram})
	}
}

func (l *line) update(f func(*counts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.count)
}

func (l *line) counts() (c counts) {
	l.update(func(current *counts) { c = *current })
	return c
}

func (c *counts) record(datagram []byte, f fate, full bool) {
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
	case full:
		c.dropped++
	case f.copies == 0:
		c.lost++
	case f.copies == 2:
		c.duplicated++
	case f.held:
		c.reordered++
	case f.damage.kind != intact:
		c.damaged++
	}
}

// A departure is a datagram and the time at which it is to be sent.
type departure struct {
	at       time.Time
	datagram []byte
}

// departures are in the order in which they are to be sent.
type departures []departure

// from returns the index of the first departure after at.
func (d departures) from(at time.Time) int {
	index, _ := slices.BinarySearchFunc(d, at, func(one departure, at time.Time) int {
		if one.at.After(at) {
			return 1
		}
		return -1
	})
	return index
}

func (d *departures) add(one departure) { *d = slices.Insert(*d, d.from(one.at), one) }

// due removes and returns the datagrams whose time has come, in order.
func (d *departures) due(now time.Time) (datagrams [][]byte) {
	end := d.from(now)
	for _, one := range (*d)[:end] {
		datagrams = append(datagrams, one.datagram)
	}
	*d = slices.Delete(*d, 0, end)
	return datagrams
}
