package tunnel

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/conn/bindtest"
	"golang.zx2c4.com/wireguard/device"
	enginetun "golang.zx2c4.com/wireguard/tun"
	"golang.zx2c4.com/wireguard/tun/tuntest"

	"wg-bridge/go/testbed"
	"wg-bridge/go/tun"
)

// An unlocatedTUN is an interface of which nobody knows the MTU.
type unlocatedTUN struct{ enginetun.Device }

func (unlocatedTUN) MTU() (int, error) { return tun.UnknownMTU, nil }

// A measuringBind reports the lengths of the datagrams that carry packets.
type measuringBind struct {
	conn.Bind
	lengths chan int
}

func (m measuringBind) Send(packets [][]byte, to conn.Endpoint) error {
	for _, packet := range packets {
		const transportData, keepalive = 4, 32
		if packet[0] == transportData && len(packet) > keepalive {
			m.lengths <- len(packet)
		}
	}
	return m.Bind.Send(packets, to)
}

func TestTheEnginePadsNothingWhereTheMTUIsUnknown(t *testing.T) {
	const longest, overhead = 1500, 32 // a transport message's header and tag
	lengths := make(chan int, 1)
	binds := bindtest.NewChannelBinds()
	var keys [2]*ecdh.PrivateKey
	var devices [2]*device.Device
	var tuns [2]*tuntest.ChannelTUN
	for n := range devices {
		key, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[n], tuns[n] = key, tuntest.NewChannelTUN()
		devices[n] = device.NewDevice(unlocatedTUN{tuns[n].TUN()}, measuringBind{binds[n], lengths},
			device.NewLogger(device.LogLevelSilent, ""))
		defer devices[n].Close()
	}
	addresses := [2]netip.Addr{netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2")}
	for n, one := range devices {
		other := 1 - n
		if err := one.IpcSet(fmt.Sprintf("private_key=%s\npublic_key=%s\nendpoint=127.0.0.1:%d\nallowed_ip=%s/32\n",
			hex.EncodeToString(keys[n].Bytes()), hex.EncodeToString(keys[other].PublicKey().Bytes()), n+1,
			addresses[other])); err != nil {
			t.Fatal(err)
		}
		if err := one.Up(); err != nil {
			t.Fatal(err)
		}
	}
	for length := 20; length <= longest; length++ {
		packet := make([]byte, length)
		packet[0] = 0x45
		binary.BigEndian.PutUint16(packet[2:], uint16(length))
		copy(packet[12:], addresses[0].AsSlice())
		copy(packet[16:], addresses[1].AsSlice())
		tuns[0].Outbound <- packet
		if got := testbed.Wait(t, lengths, "a datagram"); got != length+overhead {
			t.Errorf("a packet of %d bytes is padded by %d", length, got-length-overhead)
		}
		if got := testbed.Wait(t, tuns[1].Inbound, "a packet"); len(got) != length {
			t.Fatalf("%d bytes arrived as %d", length, len(got))
		}
	}
}
