package main

import (
	"container/heap"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
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

// A due is a datagram on its way.
type due struct {
	at       time.Time
	number   uint64 // how many came before
	datagram []byte
}

// A journey holds the datagrams of a line that are on their way. They leave it in the order of their arrival, however late
// the clock is read: two that arrive at the same time leave as they came.
type journey struct {
	dues  dues
	count uint64
}

// add lets a datagram begin its way, and reports whether it is now the first to arrive.
func (j *journey) add(at time.Time, datagram []byte) bool {
	one := due{at, j.count, datagram}
	j.count++
	heap.Push(&j.dues, one)
	return j.dues[0].number == one.number
}

// next returns the first datagram that has arrived by now. ok is false if there is none: then the first arrives in wait.
func (j *journey) next(now time.Time) (datagram []byte, wait time.Duration, ok bool) {
	if len(j.dues) == 0 {
		return nil, math.MaxInt64, false
	}
	if at := j.dues[0].at; at.After(now) {
		return nil, at.Sub(now), false
	}
	first, _ := heap.Pop(&j.dues).(due)
	return first.datagram, 0, true
}

// dues is a heap, for journey alone.
type dues []due

func (d dues) Len() int      { return len(d) }
func (d dues) Swap(i, k int) { d[i], d[k] = d[k], d[i] }

func (d dues) Less(i, k int) bool {
	if d[i].at.Equal(d[k].at) {
		return d[i].number < d[k].number
	}
	return d[i].at.Before(d[k].at)
}

func (d *dues) Push(x any) {
	one, _ := x.(due)
	*d = append(*d, one)
}

func (d *dues) Pop() any {
	last := len(*d) - 1
	one := (*d)[last]
	(*d)[last] = due{}
	*d = (*d)[:last]
	return one
}
