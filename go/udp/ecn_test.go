package udp

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// congestion is the ECN mark of what met congestion on its way (RFC 3168).
const congestion = 3

// A Bind sees ciphertext alone, not the marks of the packets inside. So its datagrams claim nothing, as
// upstream's do, and answers do not take over a mark.
func TestDatagramsLeaveWithoutAnECNMarkWhateverCameBefore(t *testing.T) {
	n := newNamespace(t)
	s := openStation(t, n)
	for _, family := range []struct {
		network, address   string
		level, tos, tellIt int
	}{
		{"udp4", "127.0.0.1", unix.IPPROTO_IP, unix.IP_TOS, unix.IP_RECVTOS},
		{"udp6", "::1", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, unix.IPV6_RECVTCLASS},
	} {
		var peer *socket
		n.run(t, func() (err error) { peer, err = listen(family.network, 0, 0, AllOffloads, t.Logf); return err })
		t.Cleanup(func() { peer.close() })
		err := control(peer.raw, func(fd int) error {
			if err := unix.SetsockoptInt(fd, family.level, family.tos, congestion); err != nil {
				return err
			}
			return unix.SetsockoptInt(fd, family.level, family.tellIt, 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		hello := []byte("hello, through congestion")
		at := netip.AddrPortFrom(netip.MustParseAddr(family.address), s.port)
		if _, err := peer.conn.WriteToUDPAddrPort(hello, at); err != nil {
			t.Fatal(err)
		}
		marked := s.next(t, 1)[0]
		if marked.bytes != string(hello) {
			t.Fatalf("of a datagram that met congestion %q arrived", marked.bytes)
		}
		for _, packets := range [][][]byte{numbered(1, 1000), numbered(20, 1000)} {
			s.send(t, marked.from, packets...)
			if got := tosOf(t, peer, family.level, family.tos); got != 0 {
				t.Errorf("%d packets to %s have the type of service %#x", len(packets), family.address, got)
			}
		}
	}
}

// tosOf is the type of service of the next message, of which two bits are the ECN mark.
func tosOf(t *testing.T, s *socket, level, kind int) byte {
	t.Helper()
	buffer, control := make([]byte, maxDatagram), make([]byte, 256)
	_, n, _, _, err := s.conn.ReadMsgUDP(buffer, control)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if int(m.Header.Level) == level && int(m.Header.Type) == kind {
			return m.Data[0]
		}
	}
	t.Fatal("the kernel does not tell the type of service")
	return 0
}
