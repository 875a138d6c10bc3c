package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// A path is what lies between two ports: a line of some rate with a queue before it.
type path struct {
	rate  float64       // bytes a second
	delay time.Duration // one way, beside the queue
	queue float64       // bytes that wait at most

	share    float64       // of the datagrams that are held up, so that later ones overtake them
	lateness time.Duration // of these

	loss float64 // the share that is lost, whatever the queue holds
}

// parsePath reads a rate in bits a second, a delay, and a queue's length in bytes; then, if there is more, which share of
// the datagrams is how late, and which share is lost.
func parsePath(rate, delay, queue string, more ...string) (p path, err error) {
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
	if len(more) == 0 {
		return p, nil
	}
	var shareErr, lateErr, lossErr error
	p.share, shareErr = strconv.ParseFloat(more[0], 64)
	p.lateness, lateErr = time.ParseDuration(more[1])
	p.loss, lossErr = strconv.ParseFloat(more[2], 64)
	err = errors.Join(shareErr, lateErr, lossErr)
	if err != nil || !isShare(p.share) || p.lateness < 0 || !isShare(p.loss) {
		return path{}, fmt.Errorf("%q are not a share, how late it is, and a share that is lost: %w", more, err)
	}
	return p, nil
}

func isShare(x float64) bool { return x >= 0 && x <= 1 }

// A line is one direction of a path.
type line struct {
	path
	free   time.Time  // when it will have carried all that waits
	random *rand.Rand // chooses what is held up, and what is lost
}

// newLine returns a line that holds up and loses the same datagrams in every run.
func newLine(p path) *line { return &line{path: p, random: rand.New(rand.NewPCG(1, 2))} }

// take returns when a datagram arrives at the other end. If it is lost, by chance or because the queue is full, ok is
// false.
func (l *line) take(size int, now time.Time) (arrival time.Time, ok bool) {
	if l.loss > 0 && l.random.Float64() < l.loss {
		return time.Time{}, false
	}
	if l.free.Before(now) {
		l.free = now
	}
	if l.free.Sub(now).Seconds()*l.rate+float64(size) > l.queue {
		return time.Time{}, false
	}
	l.free = l.free.Add(time.Duration(float64(size) / l.rate * float64(time.Second)))
	arrival = l.free.Add(l.delay)
	if l.random.Float64() < l.share {
		arrival = arrival.Add(l.lateness)
	}
	return arrival, true
}

// A train is one datagram on its way, or several that arrive together.
type train struct {
	at        time.Time // when the last of them arrives
	size      int       // of each datagram but the last, which may be shorter
	datagrams []byte    // one after the other
}

// coupling is how much later than the first the last datagram of a train may arrive: less than a clock's tick matters to
// nobody, and a train costs as much as a datagram to carry.
const coupling = 100 * time.Microsecond

// takeAll takes datagrams that were received together, all of the same size but for the last, and returns the trains in
// which they arrive. What is lost is in none; WireGuard sends nothing that is empty.
func (l *line) takeAll(datagrams []byte, size int, now time.Time) (trains []train) {
	var first time.Time // of the last train
	left := len(datagrams)
	for one := range slices.Chunk(datagrams, max(1, size)) {
		left -= len(one)
		at, ok := l.take(len(one), now)
		if !ok {
			continue
		}
		if last := len(trains) - 1; last >= 0 && !at.Before(trains[last].at) && at.Sub(first) <= coupling {
			trains[last].at = at
			trains[last].datagrams = append(trains[last].datagrams, one...)
			continue
		}
		first = at
		trains = append(trains, train{at, size, append(make([]byte, 0, len(one)+left), one...)})
	}
	return trains
}
