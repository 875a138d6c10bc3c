package soak

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// An impairment describes what a link does to datagrams. The probabilities exclude one another: a datagram meets at
// most one of these.
type impairment struct {
	loss        float64
	duplication float64
	reordering  float64 // the datagram is held back, so that later ones overtake it
	damage      float64 // a byte is changed, or the datagram is truncated

	rate   int           // bytes a second
	queue  time.Duration // a datagram that would wait longer is dropped, as by a full router
	delay  time.Duration
	jitter time.Duration // the maximum additional delay, which reorders as well
	held   time.Duration // how long a reordered datagram is held back
}

// badLink is the impairment of every soak.
var badLink = impairment{
	loss: 0.01, duplication: 0.01, reordering: 0.01, damage: 0.002,
	rate: 12_500_000, queue: 30 * time.Millisecond,
	delay: time.Millisecond, jitter: time.Millisecond, held: 4 * time.Millisecond,
}

// A fate is what happens to one datagram.
type fate struct {
	copies int // 0, 1 or 2
	damage damage
	delay  time.Duration
	held   bool
}

// A damage says how a datagram is damaged, and where, as a fraction of its length.
type damage struct {
	kind damageKind
	at   float64
}

type damageKind int

const (
	intact damageKind = iota
	changed
	truncated
)

// next draws a datagram's fate. It draws equally many numbers for every fate, so that the fate of the nth datagram
// depends on the seed alone.
func (i impairment) next(random *rand.Rand) fate {
	chance, jitter, at, kind := random.Float64(), random.Float64(), random.Float64(), changed+damageKind(random.IntN(2))
	f := fate{copies: 1, delay: i.delay + time.Duration(jitter*float64(i.jitter))}
	for _, outcome := range []struct {
		probability float64
		apply       func()
	}{
		{i.loss, func() { f.copies = 0 }},
		{i.duplication, func() { f.copies = 2 }},
		{i.reordering, func() { f.held, f.delay = true, f.delay+i.held }},
		{i.damage, func() { f.damage = damage{kind, at} }},
	} {
		if chance < outcome.probability {
			outcome.apply()
			break
		}
		chance -= outcome.probability
	}
	return f
}

// apply returns the damaged datagram, which may share memory with the original.
func (d damage) apply(datagram []byte) []byte {
	at := int(d.at * float64(len(datagram)))
	switch {
	case d.kind == changed && len(datagram) > 0:
		datagram[at] ^= 0x40
	case d.kind == truncated:
		return datagram[:at]
	}
	return datagram
}

// impairLoopback makes the kernel impair loopback until the test's end, if it has netem. Tunnels and relay
// communicate over loopback.
func impairLoopback(t *testing.T) {
	t.Helper()
	netem := strings.Fields("tc qdisc add dev lo root netem limit 10000 delay 1ms 500us loss 0.2% duplicate 0.2% reorder 99%")
	if output, err := exec.Command(netem[0], netem[1:]...).CombinedOutput(); err != nil {
		t.Logf("The kernel has no netem, so only the relay impairs datagrams: %v: %s", err, strings.TrimSpace(string(output)))
		return
	}
	t.Log("netem impairs loopback as well.")
	t.Cleanup(func() {
		if output, err := exec.Command("tc", "qdisc", "del", "dev", "lo", "root").CombinedOutput(); err != nil {
			t.Errorf("removing netem: %v: %s", err, output)
		}
	})
}

func TestEqualSeedsDrawEqualFates(t *testing.T) {
	one, other := rand.New(rand.NewPCG(7, 1)), rand.New(rand.NewPCG(7, 1))
	for n := range 10_000 {
		if a, b := badLink.next(one), badLink.next(other); a != b {
			t.Fatalf("datagram %d: %+v and %+v", n, a, b)
		}
	}
}

func TestFatesAreAsFrequentAsTheirProbabilities(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1))
	const draws = 200_000
	var lost, duplicated, reordered, damaged float64
	for range draws {
		switch f := badLink.next(random); {
		case f.copies == 0:
			lost++
		case f.copies == 2:
			duplicated++
		case f.held:
			reordered++
		case f.damage.kind != intact:
			damaged++
		}
	}
	for name, counted := range map[string]struct{ count, probability float64 }{
		"lost": {lost, badLink.loss}, "duplicated": {duplicated, badLink.duplication},
		"reordered": {reordered, badLink.reordering}, "damaged": {damaged, badLink.damage},
	} {
		if got, want := counted.count/draws, counted.probability; got < want*0.8 || got > want*1.2 {
			t.Errorf("%s: %.4f of all datagrams, expected %.4f", name, got, want)
		}
	}
}

func TestADamagedDatagramIsShorterOrDiffersInOneByte(t *testing.T) {
	for _, at := range []float64{0, 0.5, 0.999999} {
		datagram := make([]byte, 100)
		different := 0
		for _, b := range (damage{changed, at}).apply(datagram) {
			if b != 0 {
				different++
			}
		}
		if cut := (damage{truncated, at}).apply(datagram); different != 1 || len(cut) >= 100 {
			t.Errorf("at %v: %d bytes differ, %d bytes are left of 100", at, different, len(cut))
		}
		(damage{changed, at}).apply(nil)
	}
}
