package udp

import (
	"fmt"
	"slices"
	"testing"
)

// messages receives packets that a station sends to r, and returns the sizes of the messages in which
// the kernel gave them.
func messages(t *testing.T, from *station, r lone, address string, packets [][]byte) (sizes []int) {
	t.Helper()
	from.send(t, newEndpoint(r.endpointAt(address)), packets...)
	buffers, _, _ := receiveBuffers(batchSize)
	for arrived := 0; arrived < len(slices.Concat(packets...)); {
		if err := r.wait(buffers); err != nil {
			t.Fatal(err)
		}
		for _, a := range r.pending {
			sizes = append(sizes, len(a.bytes))
			arrived += len(a.bytes)
		}
	}
	return sizes
}

func TestWithoutAnOffloadEveryDatagramIsAMessageOfItsOwn(t *testing.T) {
	packets := numbered(40, 1000)
	alone := slices.Repeat([]int{1000}, 40)
	for _, sender := range []Offloads{{}, {GRO: true}, {Segment: true}, AllOffloads} {
		for _, receiver := range []Offloads{{}, {Segment: true}, {GRO: true}, AllOffloads} {
			t.Run(fmt.Sprintf("%+v to %+v", sender, receiver), func(t *testing.T) {
				n := newNamespace(t)
				want := alone
				if sender.Segment && receiver.GRO {
					want = []int{40_000}
				}
				got := messages(t, openStationWith(t, n, Config{Offloads: sender}), listenAlone(t, n, "udp4", receiver), "127.0.0.1", packets)
				if !slices.Equal(got, want) {
					t.Fatalf("messages of %d bytes, want %d", got, want)
				}
			})
		}
	}
}

func TestAllPacketsArriveWithAnyOffloads(t *testing.T) {
	packets := slices.Concat(numbered(3*batchSize+5, 200), numbered(60, 1420), numbered(2, 65507))
	for _, offloads := range []Offloads{{}, {Segment: true}, {GRO: true}} {
		t.Run(fmt.Sprintf("%+v", offloads), func(t *testing.T) {
			n := newNamespace(t)
			s, peer := openStationWith(t, n, Config{Offloads: offloads}), openStationWith(t, n, Config{Offloads: offloads})
			for _, address := range []string{"127.0.0.1", "::1"} {
				s.send(t, peer.at(t, address), packets...)
				peer.expectArrived(t, packets)
			}
		})
	}
}

func TestTheLongestMessagesReachAProgramOfTheSameHostWhole(t *testing.T) {
	for network, address := range map[string]string{"udp4": "127.0.0.1", "udp6": "::1"} {
		n := newNamespace(t)
		s, r := openStationWith(t, n, Config{Offloads: AllOffloads}), listenAlone(t, n, network, AllOffloads)
		for size := 1020; size <= 1500; size++ {
			joined := maxMessage / size
			got := messages(t, s, r, address, numbered(joined+1, size))
			if want := []int{joined * size, size}; !slices.Equal(got, want) {
				t.Fatalf("to %s: messages of %d bytes, want %d", address, got, want)
			}
		}
	}
}
