package aead

import (
	"crypto/cipher"
	"fmt"
	"math"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// BenchmarkAgainstStock compares Seal and Open with golang.org/x/crypto's. The two take turns, a chunk of packets each,
// and of each the fastest chunk counts: so what else the machine does matters little, even on a machine that is busy.
//
//	go test -run '^$' -bench AgainstStock -benchtime 300x ./go/aead
//
// "warm" uses one packet again and again, "cold" as many as fill 4 MiB.
func BenchmarkAgainstStock(b *testing.B) {
	requireSupport(b)
	for _, size := range []int{96, 128, 256, 512, 1024, 1420, 1452, 4096, 8192, 65456} {
		for _, packets := range []struct {
			name  string
			count int
		}{{"warm", 1}, {"cold", 4<<20/size + 1}} {
			b.Run(fmt.Sprintf("seal/%d/%s", size, packets.name), func(b *testing.B) {
				compare(b, size, packets.count, (*packet).seal, (*packet).stockSeal)
			})
			b.Run(fmt.Sprintf("open/%d/%s", size, packets.name), func(b *testing.B) {
				compare(b, size, packets.count, (*packet).open, (*packet).stockOpen)
			})
		}
	}
}

// packet is sealed in place, as the engine does, and opened apart, so that it can be opened again.
type packet struct {
	key    [32]byte
	nonce  [12]byte
	stock  cipher.AEAD
	buffer []byte // The engine's 16 bytes of header before the text.
	sealed []byte
	text   []byte
}

func newPackets(count, size int) []*packet {
	packets := make([]*packet, count)
	for i := range packets {
		p := &packet{buffer: make([]byte, 16+size+overhead), sealed: make([]byte, 16+size+overhead), text: make([]byte, 16+size)}
		p.stock, _ = chacha20poly1305.New(p.key[:])
		p.stock.Seal(p.sealed[:16], p.nonce[:], p.text[16:], nil)
		packets[i] = p
	}
	return packets
}

func (p *packet) seal() {
	Seal(p.buffer[16:], &p.key, &p.nonce, p.buffer[16:len(p.buffer)-overhead])
}

func (p *packet) stockSeal() {
	p.stock.Seal(p.buffer[:16], p.nonce[:], p.buffer[16:len(p.buffer)-overhead], nil)
}

func (p *packet) open() {
	Open(p.text[16:], &p.key, &p.nonce, p.sealed[16:])
}

func (p *packet) stockOpen() {
	if _, err := p.stock.Open(p.text[16:16], p.nonce[:], p.sealed[16:], nil); err != nil {
		panic(err)
	}
}

func compare(b *testing.B, size, count int, ours, stock func(*packet)) {
	packets := newPackets(count, size)
	next := 0
	chunk := func(one func(*packet)) float64 {
		repeats := max(1, 40000/(size+100))
		start := time.Now()
		for range repeats {
			one(packets[next])
			next++
			if next == count {
				next = 0
			}
		}
		return float64(time.Since(start).Nanoseconds()) / float64(repeats)
	}
	least := [2]float64{math.Inf(1), math.Inf(1)}
	for b.Loop() {
		least[0] = min(least[0], chunk(ours))
		least[1] = min(least[1], chunk(stock))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(least[0], "ns")
	b.ReportMetric(least[1], "stock-ns")
	b.ReportMetric(least[1]/least[0], "times-as-fast")
}
