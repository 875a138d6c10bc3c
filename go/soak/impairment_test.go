package soak

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// An impairment is what a link does to datagrams. The fractions are of 1, and exclude one another.
type impairment struct {
	loss        float64
	duplication float64
	reordering  float64 // held back, so that later ones overtake it
	damage      float64 // a byte changed, or cut short

	rate   int           // bytes a second
	queue  time.Duration // what waits for longer is lost, as from a full router
	delay  time.Duration
	jitter time.Duration // at most so much longer, in order
	held   time.Duration // how long a reordered one is held back
}

// badLink is the one that every soak runs over.
var badLink = impairment{
	loss: 0.01, duplication: 0.01, reordering: 0.01, damage: 0.002,
	rate: 12_500_000, queue: 30 * time.Millisecond,
	delay: time.Millisecond, jitter: time.Millisecond, held: 4 * time.Millisecond,
}

// A fate is what happens to one datagram.
type fate struct {
	copies int // none, one, or two
	damage damage
	delay  time.Duration
	held   bool
}

// A damage is where a datagram is damaged, as a fraction of its length, and how.
type damage struct {
	kind damageKind
	at   float64
}

type damageKind int

const (
	whole damageKind = iota
	changed
	cutShort
)

// next draws a datagram's fate. It takes as many numbers from random whatever the fate is: the fate of
// the nth datagram depends on the seed alone.
func (i impairment) next(random *rand.Rand) fate {
	chance, jitter, at, kind := random.Float64(), random.Float64(), random.Float64(), changed+damageKind(random.IntN(2))
	f := fate{copies: 1, delay: i.delay + time.Duration(jitter*float64(i.jitter))}
	for _, outcome := range []struct {
		share float64
		take  func()
	}{
		{i.loss, func() { f.copies = 0 }},
		{i.duplication, func() { f.copies = 2 }},
		{i.reordering, func() { f.held, f.delay = true, f.delay+i.held }},
		{i.damage, func() { f.damage = damage{kind, at} }},
	} {
		if chance < outcome.share {
			outcome.take()
			break
		}
		chance -= outcome.share
	}
	return f
}

// apply returns what is left of a datagram, which it may change.
func (d damage) apply(datagram []byte) []byte {
	at := int(d.at * float64(len(datagram)))
	switch {
	case d.kind == changed && len(datagram) > 0:
		datagram[at] ^= 0x40
	case d.kind == cutShort:
		return datagram[:at]
	}
	return datagram
}

// impairLoopback makes the kernel impair loopback as well, over which the relay and the tunnels talk,
// until the test's end; where this kernel can.
func impairLoopback(t *testing.T) {
	t.Helper()
	netem := strings.Fields("tc qdisc add dev lo root netem limit 10000 delay 1ms 500us loss 0.2% duplicate 0.2% reorder 99%")
	if output, err := exec.Command(netem[0], netem[1:]...).CombinedOutput(); err != nil {
		t.Logf("The kernel has no netem, so the relay alone impairs: %v: %s", err, strings.TrimSpace(string(output)))
		return
	}
	t.Log("netem impairs loopback as well.")
	t.Cleanup(func() {
		if output, err := exec.Command("tc", "qdisc", "del", "dev", "lo", "root").CombinedOutput(); err != nil {
			t.Errorf("taking netem away: %v: %s", err, output)
		}
	})
}

func TestTheSameSeedMakesTheSameFates(t *testing.T) {
	one, other := rand.New(rand.NewPCG(7, 1)), rand.New(rand.NewPCG(7, 1))
	for n := range 10_000 {
		if a, b := badLink.next(one), badLink.next(other); a != b {
			t.Fatalf("datagram %d: %+v and %+v", n, a, b)
		}
	}
}

func TestEveryFateIsAsFrequentAsItsShare(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1))
	const draws = 200_000
	var lost, doubled, held, damaged float64
	for range draws {
		switch f := badLink.next(random); {
		case f.copies == 0:
			lost++
		case f.copies == 2:
			doubled++
		case f.held:
			held++
		case f.damage.kind != whole:
			damaged++
		}
	}
	for name, share := range map[string][2]float64{
		"lost": {lost, badLink.loss}, "doubled": {doubled, badLink.duplication},
		"held": {held, badLink.reordering}, "damaged": {damaged, badLink.damage},
	} {
		if got, want := share[0]/draws, share[1]; got < want*0.8 || got > want*1.2 {
			t.Errorf("%s: %.4f of all, not %.4f", name, got, want)
		}
	}
}

func TestADamagedDatagramIsShorterOrDiffersInOneByte(t *testing.T) {
	for _, at := range []float64{0, 0.5, 0.999999} {
		datagram := make([]byte, 100)
		differs := 0
		for _, b := range (damage{changed, at}).apply(datagram) {
			if b != 0 {
				differs++
			}
		}
		if cut := (damage{cutShort, at}).apply(datagram); differs != 1 || len(cut) >= 100 {
			t.Errorf("at %v: %d bytes differ, %d are left", at, differs, len(cut))
		}
		(damage{changed, at}).apply(nil)
	}
}
