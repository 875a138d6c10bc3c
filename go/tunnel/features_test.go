package tunnel

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/tun"
	"wg-bridge/go/udp"
)

func TestEachNameDisablesItsFeatureAlone(t *testing.T) {
	for name, disable := range map[string]func(*Features){
		"":                func(*Features) {},
		"tso4":            func(f *Features) { f.TUN.TSO4 = false },
		"tso6":            func(f *Features) { f.TUN.TSO6 = false },
		"uso":             func(f *Features) { f.TUN.USO = false },
		"udp-segment":     func(f *Features) { f.UDP.Segment = false },
		"udp-gro":         func(f *Features) { f.UDP.GRO = false },
		"in-flight-limit": func(f *Features) { f.InFlightLimit = false },
		"avx512":          func(f *Features) { f.AVX512 = false },
		"aqm":             func(f *Features) { f.AQM = false },
		"uso,tso4,uso":    func(f *Features) { f.TUN.TSO4, f.TUN.USO = false, false },
		"tso4,all":        func(f *Features) { *f = Features{} },
	} {
		want := AllFeatures
		disable(&want)
		if got, err := ParseDisabled(name); got != want || err != nil {
			t.Errorf("%q leaves %+v, %v; want %+v", name, got, err, want)
		}
	}
}

func TestAnUnknownNameIsToldWithTheKnownOnes(t *testing.T) {
	const known = "tso4, tso6, uso, udp-segment, udp-gro, in-flight-limit, avx512, aqm"
	for _, text := range []string{"tso", "TSO4", "tso4,", ",", "tso4, uso", "tso4 uso", "none", "all,any"} {
		_, err := ParseDisabled(text)
		if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), known) {
			t.Errorf("%q: %v; want EINVAL and the names", text, err)
		}
	}
	if _, err := ParseDisabled("uso,tso"); !strings.Contains(err.Error(), `no feature "tso"`) {
		t.Errorf("the unknown name is missing: %v", err)
	}
}

func TestWhatIsDisabledIsNamedSoThatItCanBeReadAgain(t *testing.T) {
	for text, want := range map[string]string{
		"":         "",
		"uso,tso4": "tso4,uso",
		"all":      "tso4,tso6,uso,udp-segment,udp-gro,in-flight-limit,avx512,aqm",
	} {
		features, err := ParseDisabled(text)
		if got := features.Disabled(); got != want || err != nil {
			t.Errorf("of %q %q is disabled, %v; want %q", text, got, err, want)
		}
	}
}

func TestTheEngineGetsNoFeatureThatIsDisabled(t *testing.T) {
	for _, features := range []Features{
		AllFeatures,
		{},
		{TUN: tun.Offloads{TSO6: true}, UDP: udp.Offloads{GRO: true}},
		{InFlightLimit: true},
		{AQM: true},
	} {
		tunConfig, udpConfig := configure(features, Log{})
		if tunConfig.Offloads != features.TUN || udpConfig.Offloads != features.UDP {
			t.Errorf("%+v: offloads %+v and %+v", features, tunConfig.Offloads, udpConfig.Offloads)
		}
		if tunConfig.Outbound == nil || tunConfig.Outbound != udpConfig.Outbound ||
			tunConfig.Inbound == nil || tunConfig.Inbound != udpConfig.Inbound {
			t.Errorf("%+v: limits %p and %p, %p and %p", features,
				tunConfig.Outbound, udpConfig.Outbound, tunConfig.Inbound, udpConfig.Inbound)
		}
		if (tunConfig.AQM != nil) != features.AQM || udpConfig.Timestamps != features.AQM {
			t.Errorf("%+v: a queue %v, timestamps %v", features, tunConfig.AQM != nil, udpConfig.Timestamps)
		}
		want := maxInFlightUnlimited
		if features.InFlightLimit {
			want = maxInFlight
		}
		if got := [2]int{tunConfig.Outbound.Max(), tunConfig.Inbound.Max()}; got != [2]int{want, want} {
			t.Errorf("%+v: up to %d packets may be in flight, want %d", features, got, want)
		}
	}
}

func TestATunnelLogsWhatItDoesWithout(t *testing.T) {
	begin(t)
	for text, want := range map[string]string{
		"uso,tso4": "Disabled: tso4,uso",
		"all":      "Disabled: tso4,tso6,uso,udp-segment,udp-gro,in-flight-limit,avx512,aqm",
		"":         "",
	} {
		features, err := ParseDisabled(text)
		if err != nil {
			t.Fatal(err)
		}
		files, err := Open("wgt0", 0, Given{})
		if err != nil {
			t.Fatal(err)
		}
		said := make(chan string, 1) // Start says it, the engine's goroutines say other things
		verbosef := func(format string, arguments ...any) {
			if line := fmt.Sprintf(format, arguments...); strings.HasPrefix(line, "Disabled") {
				said <- line
			}
		}
		tunnel, err := Start(files, features, Log{verbosef, func(string, ...any) {}})
		if err != nil {
			t.Fatal(err)
		}
		close(said)
		if got := <-said; got != want {
			t.Errorf("without %q: %q, want %q", text, got, want)
		}
		if err := tunnel.Close(); err != nil {
			t.Error(err)
		}
	}
}
