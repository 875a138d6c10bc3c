package tunnel

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"sync"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
	"golang.zx2c4.com/wireguard/tun/tuntest"

	"wg-bridge/go/testbed"
	"wg-bridge/go/udp"
)

// passages are the buffers in which packets went into the engine on one side, and which of them came out
// in the same one on the other.
type passages struct {
	mu             sync.Mutex
	inside         map[*byte]bool
	known, unknown int
}

func (p *passages) enter(packets [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, packet := range packets {
		p.inside[&packet[0]] = true
	}
}

func (p *passages) leave(packets [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, packet := range packets {
		if p.inside[&packet[0]] {
			p.known++
		} else {
			p.unknown++
		}
	}
}

type watchedTUN struct {
	tun.Device
	outbound, inbound *passages
}

func (w watchedTUN) Read(buffers [][]byte, sizes []int, offset int) (int, error) {
	n, err := w.Device.Read(buffers, sizes, offset)
	w.outbound.enter(buffers[:n])
	return n, err
}

func (w watchedTUN) Write(buffers [][]byte, offset int) (int, error) {
	w.inbound.leave(buffers)
	return w.Device.Write(buffers, offset)
}

type watchedBind struct {
	conn.Bind
	outbound, inbound *passages
}

func (w watchedBind) Open(port uint16) (watched []conn.ReceiveFunc, actual uint16, err error) {
	functions, actual, err := w.Bind.Open(port)
	for _, receive := range functions {
		watched = append(watched, func(buffers [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
			n, err := receive(buffers, sizes, endpoints)
			w.inbound.enter(buffers[:n])
			return n, err
		})
	}
	return watched, actual, err
}

func (w watchedBind) Send(packets [][]byte, to conn.Endpoint) error {
	for i, packet := range packets {
		const transportData, keepalive = 4, 32 // others begin in the engine
		if packet[0] == transportData && len(packet) > keepalive {
			w.outbound.leave(packets[i : i+1])
		}
	}
	return w.Bind.Send(packets, to)
}

// The limit of packets in flight knows them by that, and without it would limit nothing.
func TestTheEngineTakesPacketsThroughInTheBuffersThatTheyCameIn(t *testing.T) {
	testbed.RequireSandbox(t)
	var keys [2]*ecdh.PrivateKey
	var devices [2]*device.Device
	var tuns [2]*tuntest.ChannelTUN
	var ports [2]string
	outbound, inbound := &passages{inside: map[*byte]bool{}}, &passages{inside: map[*byte]bool{}}
	for n := range devices {
		key, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[n], tuns[n] = key, tuntest.NewChannelTUN()
		devices[n] = device.NewDevice(watchedTUN{tuns[n].TUN(), outbound, inbound},
			watchedBind{udp.NewBind(udp.Config{}), outbound, inbound}, device.NewLogger(device.LogLevelSilent, ""))
		defer devices[n].Close()
		if err := devices[n].IpcSet("private_key=" + hex.EncodeToString(key.Bytes()) + "\n"); err != nil {
			t.Fatal(err)
		}
		if err := devices[n].Up(); err != nil {
			t.Fatal(err)
		}
		status, err := devices[n].IpcGet()
		if err != nil {
			t.Fatal(err)
		}
		ports[n] = regexp.MustCompile(`listen_port=(\d+)`).FindStringSubmatch(status)[1]
	}
	addresses := [2]netip.Addr{netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2")}
	for n, one := range devices {
		other := 1 - n
		err := one.IpcSet(fmt.Sprintf("public_key=%s\nendpoint=127.0.0.1:%s\nallowed_ip=%s/32\n",
			hex.EncodeToString(keys[other].PublicKey().Bytes()), ports[other], addresses[other]))
		if err != nil {
			t.Fatal(err)
		}
	}
	const count = 100
	for range count {
		tuns[0].Outbound <- tuntest.Ping(addresses[1], addresses[0])
		testbed.Wait(t, tuns[1].Inbound, "a ping")
	}
	for name, p := range map[string]*passages{"outbound": outbound, "inbound": inbound} {
		p.mu.Lock()
		if p.known < count || p.unknown > 0 {
			t.Errorf("%s: %d packets came out in the buffers that they came in, and %d in others", name, p.known, p.unknown)
		}
		p.mu.Unlock()
	}
}
