package main

import (
	"container/heap"
	"math"
	"time"
)

// A due is a train with how many came before.
type due struct {
	train
	number uint64
}

// A journey holds the trains of a line that are on their way. They leave it in the order of their arrival, however late
// the clock is read: two that arrive at the same time leave as they came.
type journey struct {
	dues  dues
	count uint64
}

// add lets a train begin its way.
func (j *journey) add(t train) {
	heap.Push(&j.dues, due{t, j.count})
	j.count++
}

// next returns the first train that has arrived by now. ok is false if there is none: then the first arrives in wait.
func (j *journey) next(now time.Time) (first train, wait time.Duration, ok bool) {
	if len(j.dues) == 0 {
		return train{}, math.MaxInt64, false
	}
	if at := j.dues[0].at; at.After(now) {
		return train{}, at.Sub(now), false
	}
	one, _ := heap.Pop(&j.dues).(due)
	return one.train, 0, true
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
