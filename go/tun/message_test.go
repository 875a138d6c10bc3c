package tun

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// attribute encodes one rtattr with a 32-bit value.
func attribute(kind uint16, value uint32) []byte {
	encoded := binary.NativeEndian.AppendUint16(nil, 8)
	encoded = binary.NativeEndian.AppendUint16(encoded, kind)
	return binary.NativeEndian.AppendUint32(encoded, value)
}

func linkDatagram(kind uint16, index int32, attributes ...[]byte) []byte {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	body = append(body, slices.Concat(attributes...)...)
	header := make([]byte, unix.SizeofNlMsghdr)
	binary.NativeEndian.PutUint32(header, uint32(len(header)+len(body)))
	binary.NativeEndian.PutUint16(header[4:], kind)
	return append(header, body...)
}

func namespaceControl(id int32) []byte {
	control := make([]byte, unix.CmsgSpace(4))
	binary.NativeEndian.PutUint64(control, uint64(unix.CmsgLen(4)))
	binary.NativeEndian.PutUint32(control[8:], unix.SOL_NETLINK)
	binary.NativeEndian.PutUint32(control[12:], unix.NETLINK_LISTEN_ALL_NSID)
	binary.NativeEndian.PutUint32(control[16:], uint32(id))
	return control
}

func TestANewLinkSaysWhereItIsAndItsMTU(t *testing.T) {
	datagram := linkDatagram(unix.RTM_NEWLINK, 7, attribute(unix.IFLA_MTU, 1300))
	for namespace, control := range map[int32][]byte{ownNamespace: nil, 3: namespaceControl(3)} {
		got := linkMessages(datagram, control)
		if len(got) != 1 || got[0] != (linkMessage{at: place{namespace, 7}, mtu: 1300}) {
			t.Errorf("namespace %d: %+v", namespace, got)
		}
	}
}

func TestALinkSaysThatItWentDown(t *testing.T) {
	for _, c := range []struct {
		flags, changed uint32
		wentDown       bool
	}{
		{0, unix.IFF_UP, true},
		{unix.IFF_UP, unix.IFF_UP, false},
		{0, unix.IFF_RUNNING, false},
		{0, math.MaxUint32, false},
	} {
		datagram := linkDatagram(unix.RTM_NEWLINK, 7)
		binary.NativeEndian.PutUint32(datagram[unix.SizeofNlMsghdr+8:], c.flags)
		binary.NativeEndian.PutUint32(datagram[unix.SizeofNlMsghdr+12:], c.changed)
		if got := linkMessages(datagram, nil); len(got) != 1 || got[0].wentDown != c.wentDown {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

func TestADeletedLinkSaysWhereItWasMovedTo(t *testing.T) {
	moved := linkDatagram(unix.RTM_DELLINK, 7, attribute(unix.IFLA_NEW_NETNSID, 2), attribute(unix.IFLA_NEW_IFINDEX, 9))
	deleted := linkDatagram(unix.RTM_DELLINK, 8)
	got := linkMessages(append(moved, deleted...), nil)
	if len(got) != 2 || !got[0].deleted || got[0].movedTo == nil || *got[0].movedTo != (place{2, 9}) {
		t.Fatalf("%+v", got)
	}
	if !got[1].deleted || got[1].movedTo != nil {
		t.Errorf("a link that was deleted for good was moved: %+v", got[1])
	}
}

func TestNoDatagramHoweverMangledPanicsTheDecoder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		datagram := linkDatagram(unix.RTM_NEWLINK, 7, attribute(unix.IFLA_MTU, 1300), attribute(unix.IFLA_NEW_NETNSID, 1))
		control := namespaceControl(1)
		for range 1 + random.IntN(4) {
			datagram[random.IntN(len(datagram))] = byte(random.Uint32())
			control[random.IntN(len(control))] = byte(random.Uint32())
		}
		linkMessages(datagram[:random.IntN(len(datagram)+1)], control[:random.IntN(len(control)+1)])
	}
}
