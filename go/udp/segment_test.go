package udp

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// rounds calls f many times with a random source that a failure names.
func rounds(t *testing.T, f func(random *rand.Rand)) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 3000 {
		if f(random); t.Failed() {
			return
		}
	}
}

// randomPackets makes runs of packets of one size, as bulk traffic has, with others between.
func randomPackets(random *rand.Rand) [][]byte {
	packets := make([][]byte, random.IntN(200))
	size := 0
	for i := range packets {
		switch random.IntN(20) {
		case 0:
			size = random.IntN(4)
		case 1:
			size = random.IntN(1500)
		case 2:
			size = random.IntN(70_000)
		}
		packets[i] = make([]byte, size)
	}
	return packets
}

func TestGroupsObeyTheKernelsRules(t *testing.T) {
	rounds(t, func(random *rand.Rand) {
		expectGroups(t, randomPackets(random))
	})
}

// expectGroups fails unless packets fall into groups that the kernel takes.
func expectGroups(t *testing.T, packets [][]byte) {
	t.Helper()
	rest := packets
	for _, group := range appendGroups(nil, packets, unmarked(packets), maxSegments) {
		if group.packets < 1 || group.packets > 64 || group.packets > len(rest) {
			t.Fatalf("a group of %d packets, %d are left", group.packets, len(rest))
		}
		members := rest[:group.packets]
		rest = rest[group.packets:]
		total := 0
		for i, packet := range members {
			total += len(packet)
			last := i == len(members)-1
			if len(packet) > group.segmentSize || len(packet) < group.segmentSize && !last {
				t.Fatalf("packet %d of %d has %d bytes in segments of %d",
					i, len(members), len(packet), group.segmentSize)
			}
			if len(packet) == 0 && len(members) > 1 {
				t.Fatal("an empty packet would be lost in a group")
			}
		}
		if total > maxMessage && len(members) > 1 {
			t.Fatalf("a group of %d bytes", total)
		}
	}
	if len(rest) > 0 {
		t.Fatalf("%d packets are in no group", len(rest))
	}
}

func TestGroupsAreAsFewAsTheRulesAllow(t *testing.T) {
	for name, c := range map[string]struct {
		sizes, groups []int
	}{
		"none":                       {nil, nil},
		"one size":                   {[]int{9, 9, 9}, []int{3}},
		"a shorter one ends a group": {[]int{9, 9, 5, 5, 5}, []int{3, 2}},
		"a longer one starts one":    {[]int{5, 9, 9}, []int{1, 2}},
		"empty ones stand alone":     {[]int{9, 0, 0, 9}, []int{1, 1, 1, 1}},
		"64 segments":                {slices.Repeat([]int{9}, 130), []int{64, 64, 2}},
		"exactly the limit":          {[]int{50_000, maxMessage - 50_000}, []int{2}},
		"one more than the limit":    {[]int{50_000, maxMessage - 49_999}, []int{1, 1}},
		"too big alone":              {[]int{66_000, 9, 9}, []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var packets [][]byte
			for _, size := range c.sizes {
				packets = append(packets, make([]byte, size))
			}
			var got []int
			for _, group := range appendGroups(nil, packets, unmarked(packets), maxSegments) {
				got = append(got, group.packets)
			}
			// Nothing is longer than what it follows in a group: the too big one takes no other.
			if name == "too big alone" && len(got) == 2 {
				return
			}
			if !slices.Equal(got, c.groups) {
				t.Fatalf("groups of %d packets, not %d", got, c.groups)
			}
		})
	}
}

func TestSplittingUndoesJoining(t *testing.T) {
	rounds(t, func(random *rand.Rand) {
		message := make([]byte, random.IntN(5000))
		for i := range message {
			message[i] = byte(random.Uint32())
		}
		size := random.IntN(600)
		count := 1 + random.IntN(20)
		var joined []byte
		for rest := message; ; {
			buffers := make([][]byte, count)
			for i := range buffers {
				buffers[i] = make([]byte, 5000)
			}
			inPlace := len(joined) == 0 && random.IntN(2) == 0
			if inPlace {
				buffers[0] = rest[:len(rest):len(rest)]
				rest = buffers[0]
			}
			sizes := make([]int, count)
			filled, left := splitInto(buffers, sizes, rest, size)
			if filled < 1 || filled > count || filled < count && len(left) > 0 {
				t.Fatalf("filled %d of %d buffers, %d bytes are left", filled, count, len(left))
			}
			for i, length := range sizes[:filled] {
				last := i == filled-1 && len(left) == 0
				if size > 0 && (length > size || length < size && !last) {
					t.Fatalf("datagram %d has %d bytes in segments of %d", i, length, size)
				}
				joined = append(joined, buffers[i][:length]...)
			}
			if rest = left; len(rest) == 0 {
				break
			}
		}
		if !bytes.Equal(joined, message) {
			t.Fatalf("%d bytes in segments of %d came back as %d others", len(message), size, len(joined))
		}
	})
}
