package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"
)

// A path is what lies between two ports: a line of some rate with a queue before it.
type path struct {
	rate  float64       // bytes a second
	delay time.Duration // one way, beside the queue
	queue float64       // bytes that wait at most

	share    float64       // of the datagrams that are held up, so that later ones overtake them
	lateness time.Duration // of these
}

// parsePath reads a rate in bits a second, a delay, and a queue's length in bytes; then, if it is to reorder, which share
// of the datagrams is how late.
func parsePath(rate, delay, queue string, reordering ...string) (p path, err error) {
	bits, rateErr := strconv.ParseFloat(rate, 64)
	length, queueErr := strconv.ParseFloat(queue, 64)
	oneWay, delayErr := time.ParseDuration(delay)
	if err := errors.Join(rateErr, queueErr, delayErr); err != nil {
		return path{}, fmt.Errorf("%s, %s, %s are not a path: %w", rate, delay, queue, err)
	}
	if bits <= 0 || length <= 0 || oneWay < 0 {
		return path{}, fmt.Errorf("%s, %s, %s are not a path: rate and queue are above 0", rate, delay, queue)
	}
	p = path{rate: bits / 8, delay: oneWay, queue: length}
	if len(reordering) == 0 {
		return p, nil
	}
	var shareErr, lateErr error
	p.share, shareErr = strconv.ParseFloat(reordering[0], 64)
	p.lateness, lateErr = time.ParseDuration(reordering[1])
	if err := errors.Join(shareErr, lateErr); err != nil || p.share < 0 || p.share > 1 || p.lateness < 0 {
		return path{}, fmt.Errorf("%q are not a share and how late it is: %w", reordering, err)
	}
	return p, nil
}

// A line is one direction of a path.
type line struct {
	path
	free time.Time // when it will have carried all that waits
}

// take returns when a datagram arrives at the other end. If the queue is full, the datagram is lost.
func (l *line) take(size int, now time.Time) (arrival time.Time, ok bool) {
	if l.free.Before(now) {
		l.free = now
	}
	if l.free.Sub(now).Seconds()*l.rate+float64(size) > l.queue {
		return time.Time{}, false
	}
	l.free = l.free.Add(time.Duration(float64(size) / l.rate * float64(time.Second)))
	return l.free.Add(l.delay), true
}

// A due is a datagram on its way.
type due struct {
	at       time.Time
	datagram []byte
}

// relay carries datagrams until ctx ends. Each end is a port to receive on, and the port that gets what arrives at the
// other end: "PORT:TO".
func relay(ctx context.Context, ends [2]string, p path, output io.Writer) error {
	var sockets [2]net.PacketConn
	var targets [2]net.Addr
	for i, end := range ends {
		port, to, _ := strings.Cut(end, ":")
		var err error
		if targets[i], err = net.ResolveUDPAddr("udp", "127.0.0.1:"+to); err != nil {
			return fmt.Errorf("%q is not PORT:TO: %w", end, err)
		}
		var config net.ListenConfig
		if sockets[i], err = config.ListenPacket(ctx, "udp", "127.0.0.1:"+port); err != nil {
			return fmt.Errorf("cannot relay: %w", err)
		}
		defer sockets[i].Close()
	}
	if _, err := fmt.Fprintln(output, "ready"); err != nil {
		return err
	}
	failed := make(chan error, 2)
	for i := range sockets {
		// Longer than any queue, in datagrams: what is lost, take decides.
		waiting, late := make(chan due, 1<<16), make(chan due, 1<<16)
		go func() { failed <- receive(sockets[i], &line{path: p}, waiting, late) }()
		for _, queue := range []chan due{waiting, late} {
			go deliver(sockets[1-i], targets[1-i], queue)
		}
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func receive(from net.PacketConn, l *line, waiting, late chan<- due) error {
	defer close(waiting)
	defer close(late)
	// The same datagrams of each run.
	random := rand.New(rand.NewPCG(1, 2))
	for buffer := make([]byte, 65535); ; {
		n, _, err := from.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("the relay cannot receive: %w", err)
		}
		at, ok := l.take(n, time.Now())
		if !ok {
			continue
		}
		datagram := append([]byte(nil), buffer[:n]...)
		if random.Float64() < l.share {
			late <- due{at.Add(l.lateness), datagram}
		} else {
			waiting <- due{at, datagram}
		}
	}
}

// deliver sends each datagram when it arrives, or as soon as the clock allows.
func deliver(by net.PacketConn, to net.Addr, waiting <-chan due) {
	for next := range waiting {
		time.Sleep(time.Until(next.at))
		_, _ = by.WriteTo(next.datagram, to) // an end that is gone refuses it: it is lost
	}
}
