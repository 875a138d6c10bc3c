package main

import (
	"math"
	"slices"
	"time"
)

// A flowRecord holds the delays of a flow's datagrams, by their numbers. A datagram that comes twice counts once.
type flowRecord map[uint32]time.Duration

// A flowSummary says what arrived of a flow. Times are in milliseconds, one way.
type flowSummary struct {
	Received int     `json:"received"`
	Median   float64 `json:"median"`
	P99      float64 `json:"p99"`
	// Jitter is the mean difference of the delays of two datagrams that were sent one after the other.
	Jitter float64 `json:"jitter"`
}

func (r flowRecord) summary() flowSummary {
	var delays []float64
	var differences, pairs float64
	for number, delay := range r {
		delays = append(delays, milliseconds(delay))
		if before, ok := r[number-1]; ok && number > 0 {
			differences += milliseconds((delay - before).Abs())
			pairs++
		}
	}
	slices.Sort(delays)
	return flowSummary{len(delays), quantile(delays, 0.5), quantile(delays, 0.99), differences / max(1, pairs)}
}

// quantile returns the value below which a share of the sorted values lies, interpolated between two of them, or 0 of none.
func quantile(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	whole, part := math.Modf(share * float64(len(sorted)-1))
	lower := int(whole)
	upper := min(lower+1, len(sorted)-1)
	return sorted[lower] + (sorted[upper]-sorted[lower])*part
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
