package tunnel

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"wg-bridge/go/status"
	"wg-bridge/go/tun"
	"wg-bridge/go/udp"
)

// Features make a tunnel fast, and may not work with some kernel or network. Each can be disabled, which costs only
// speed.
type Features struct {
	TUN           tun.Offloads
	UDP           udp.Offloads
	InFlightLimit bool // at most maxInFlight packets are inside the engine
	AVX512        bool // ChaCha20-Poly1305 may use it; without it, no tunnel of the process does meanwhile
	AQM           bool // senders that fill the queue before the engine are slowed down
}

// AllFeatures are a tunnel's features by default.
var AllFeatures = Features{
	TUN:           tun.AllOffloads,
	UDP:           udp.AllOffloads,
	InFlightLimit: true,
	AVX512:        true,
	AQM:           true,
}

// allNames stands for every feature.
const allNames = "all"

// A feature has a name, as ParseDisabled reads it, and a place in Features.
type feature struct {
	name string
	on   *bool
}

func (f *Features) each() []feature {
	return []feature{
		{"tso4", &f.TUN.TSO4},
		{"tso6", &f.TUN.TSO6},
		{"uso", &f.TUN.USO},
		{"udp-segment", &f.UDP.Segment},
		{"udp-gro", &f.UDP.GRO},
		{"in-flight-limit", &f.InFlightLimit},
		{"avx512", &f.AVX512},
		{"aqm", &f.AQM},
	}
}

// ParseDisabled reads the comma-separated names of features to disable, and returns the others. An empty text names
// none. The error names the unknown feature and lists the known ones; it wraps EINVAL.
func ParseDisabled(text string) (Features, error) {
	features := AllFeatures
	if text == "" {
		return features, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		if err := features.disable(name); err != nil {
			return Features{}, err
		}
	}
	return features, nil
}

func (f *Features) disable(name string) error {
	if name == allNames {
		*f = Features{}
		return nil
	}
	known := f.each()
	at := slices.IndexFunc(known, func(one feature) bool { return one.name == name })
	if at < 0 {
		err := fmt.Errorf("there is no feature %q to disable: name some of %s, with commas between them, or %s: %w",
			name, strings.Join(namesOf(known), ", "), allNames, unix.EINVAL)
		return &status.Failure{Code: status.UnknownFeature, Err: err}
	}
	*known[at].on = false
	return nil
}

// Disabled names the disabled features, as ParseDisabled reads them.
func (f Features) Disabled() string {
	disabled := slices.DeleteFunc(f.each(), func(one feature) bool { return *one.on })
	return strings.Join(namesOf(disabled), ",")
}

func namesOf(features []feature) (names []string) {
	for _, one := range features {
		names = append(names, one.name)
	}
	return names
}
