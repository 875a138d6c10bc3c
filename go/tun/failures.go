package tun

import "time"

// reportInterval is how long a failure that repeats goes unreported.
const reportInterval = 10 * time.Second

// failures counts packets that were lost, so that the log stays readable however often that happens.
// The zero value is none.
type failures struct {
	packets  int // lost since the last report
	reported time.Time
}

// add counts lost packets. If a report is due, it returns how many it has to tell of.
func (f *failures) add(packets int, now time.Time) (lost int, due bool) {
	f.packets += packets
	if !f.reported.IsZero() && now.Sub(f.reported) < reportInterval {
		return 0, false
	}
	lost, f.packets, f.reported = f.packets, 0, now
	return lost, true
}
