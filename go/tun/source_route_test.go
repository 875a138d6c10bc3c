package tun

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/segmentation"
	"wg-bridge/go/testbed"
)

// Packets to a neighbour go through a router first: the IP header's destination is the router, and the checksum
// covers the neighbour's address.
const (
	routerIPv4 = "10.78.0.9"
	routerIPv6 = "fd78::9"
)

const (
	ipv4LooseSourceRoute = 131
	ipv6RoutingHeader    = 43
)

// arrive turns a source-routed packet into what arrives at its final destination, behind a router that removes the
// route. It leaves other packets unchanged.
func arrive(packet []byte) []byte {
	if packet[0]>>4 == 4 {
		header := packet[:int(packet[0]&0xf)*4]
		options := header[inet.IPv4HeaderLength:]
		at := slices.Index(options, ipv4LooseSourceRoute)
		if at < 0 {
			return packet
		}
		end := at + int(options[at+1])
		final := options[end-4 : end]
		packet = slices.Concat(header[:inet.IPv4HeaderLength-4], final, packet[len(header):])
		packet[0] = 0x45
		inet.SetLength(packet[:inet.IPv4HeaderLength], len(packet))
		return packet
	}
	if packet[inet.IPv6NextHeader] != ipv6RoutingHeader {
		return packet
	}
	extension := packet[inet.IPv6HeaderLength:]
	extension = extension[:8+8*int(extension[1])]
	final := extension[8:24] // the segment list is in reverse order: RFC 8754
	next := extension[0]
	packet = slices.Concat(packet[:inet.IPv6HeaderLength-16], final, packet[inet.IPv6HeaderLength+len(extension):])
	packet[inet.IPv6NextHeader] = next
	inet.SetLength(packet[:inet.IPv6HeaderLength], len(packet))
	return packet
}

// reflectRouted returns to the kernel each packet that the device reads, as it arrives at its final destination, with
// its addresses exchanged. Finally it reports how many source-routed packets filled the MTU: those were segmented.
func reflectRouted(device *Device, mtu int, full chan<- int) {
	buffers, sizes := make([][]byte, segmentation.MaxSegments), make([]int, segmentation.MaxSegments)
	for i := range buffers {
		buffers[i] = make([]byte, testbed.Headroom+inet.MaxPacket)
	}
	count := 0
	for {
		n, err := device.Read(buffers, sizes, testbed.Headroom)
		var back [][]byte
		for i := range n {
			packet := buffers[i][testbed.Headroom : testbed.Headroom+sizes[i]]
			arrived := arrive(packet)
			if len(arrived) < len(packet) && len(packet) == mtu {
				count++
			}
			both := inet.Addresses(arrived)
			half := len(both) / 2
			copy(both, slices.Concat(both[half:], both[:half])) // no checksum sees the difference
			back = append(back, arrived)
		}
		_, _ = device.Write(testbed.Buffers(back), testbed.Headroom) // the kernel sends again what it refuses
		if err != nil {
			full <- count
			return
		}
	}
}

// routeBy makes a socket send through a router first; RFC 791, section 3.1.
func routeBy(router string) func(string, string, syscall.RawConn) error {
	hop := netip.MustParseAddr(router).As4()
	option := append([]byte{1, ipv4LooseSourceRoute, 7, 4}, hop[:]...)
	return func(_, _ string, raw syscall.RawConn) error {
		var set error
		err := raw.Control(func(fd uintptr) {
			set = unix.SetsockoptString(int(fd), unix.IPPROTO_IP, unix.IP_OPTIONS, string(option))
		})
		return errors.Join(err, set)
	}
}

func TestSegmentsOfASourceRoutedStreamArriveIntact(t *testing.T) {
	testbed.RequireSandbox(t)
	for name, route := range map[string]struct {
		own, neighbour string
		control        func(string, string, syscall.RawConn) error
	}{
		"IPv4 source route":   {ownIPv4, neighbourIPv4, routeBy(routerIPv4)},
		"IPv6 segment routes": {ownIPv6, neighbourIPv6, nil},
	} {
		t.Run(name, func(t *testing.T) {
			testbed.CheckLeaks(t, "wgd")
			const mtu = 1420
			device := newDevice(t, "wgd6")
			full := make(chan int, 1)
			go reflectRouted(device, mtu, full)
			defer func() {
				if err := device.Close(); err != nil {
					t.Error(err)
				}
				if count := testbed.Wait(t, full, "the end of the mirror"); count == 0 {
					t.Error("no segment was source-routed")
				}
			}()
			testbed.Run(t, "ip", "address", "add", ownIPv4+"/24", "dev", "wgd6")
			testbed.Run(t, "ip", "address", "add", ownIPv6+"/128", "dev", "wgd6", "nodad")
			testbed.Run(t, "ip", "link", "set", "wgd6", "up")
			testbed.Run(t, "ip", "-6", "route", "add", routerIPv6, "dev", "wgd6")
			if output, err := exec.Command("ip", "-6", "route", "add", neighbourIPv6, "encap", "seg6", "mode", "inline",
				"segs", routerIPv6, "dev", "wgd6").CombinedOutput(); err != nil && route.control == nil {
				t.Skipf("this kernel has no SRv6: %v: %s", err, output)
			}
			sendTCPBy(t, route.own, route.neighbour, route.control)
		})
	}
}

func TestSegmentsKeepThePseudoHeaderThatTheKernelSummed(t *testing.T) {
	final4, final6 := netip.MustParseAddr("192.0.2.77").AsSlice(), netip.MustParseAddr("2001:db8::77").AsSlice()
	for _, version := range []uint8{4, 6} {
		for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			const segment, count = 100, 5
			plain := (&testbed.Stream{Version: version, Protocol: protocol}).Packet(make([]byte, segment*count-1), inet.TCPACK)
			for i := range plain[len(plain)-segment*count+1:] {
				plain[len(plain)-1-i] = byte(i)
			}
			header, extra := inet.IPv4HeaderLength, slices.Concat([]byte{1, ipv4LooseSourceRoute, 7, 4}, final4)
			final := final4
			if version == 6 {
				header, final = inet.IPv6HeaderLength, final6
				extra = slices.Concat([]byte{protocol, 2, 4, 1, 0, 0, 0, 0}, final6)
			}
			packet := slices.Concat(plain[:header], extra, plain[header:])
			ip := header + len(extra)
			if version == 4 {
				packet[0] = 0x40 | uint8(ip/4)
				inet.SetLength(packet[:ip], len(packet))
			} else {
				packet[inet.IPv6NextHeader] = ipv6RoutingHeader
				inet.SetLength(packet[:header], len(packet))
			}
			covered := slices.Concat(inet.Addresses(packet)[:len(final)], final)
			transport := packet[ip:]
			if protocol == unix.IPPROTO_UDP {
				binary.BigEndian.PutUint16(transport[inet.UDPLength:], uint16(len(transport)))
			}
			binary.BigEndian.PutUint16(transport[inet.ChecksumAt(protocol):],
				inet.PseudoHeader(covered, protocol, len(transport)).Folded())
			kind := map[uint8]uint8{4: unix.VIRTIO_NET_HDR_GSO_TCPV4, 6: unix.VIRTIO_NET_HDR_GSO_TCPV6}[version]
			if protocol == unix.IPPROTO_UDP {
				kind = unix.VIRTIO_NET_HDR_GSO_UDP_L4
			}
			s, err := cut(virtioHeader{
				flags: unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, gsoType: kind, segmentSize: segment,
				checksumStart: uint16(ip), checksumOffset: uint16(inet.ChecksumAt(protocol)),
			}, packet)
			if err != nil {
				t.Fatal(err)
			}
			to, got := make([]byte, inet.MaxPacket), 0
			for ; s.Left(); got++ {
				one := to[:s.Next(to)]
				if total := inet.PseudoHeader(covered, protocol, len(one)-ip).Add(one[ip:]).Folded(); total != 0xffff {
					t.Errorf("IPv%d, protocol %d: the checksum of segment %d is off: %04x", version, protocol, got, total)
				}
				if version == 4 && inet.Sum(0).Add(one[:ip]).Folded() != 0xffff {
					t.Errorf("protocol %d: the header checksum of segment %d is wrong", protocol, got)
				}
			}
			if got != count {
				t.Errorf("IPv%d, protocol %d: %d segments, want %d", version, protocol, got, count)
			}
		}
	}
}

func TestSourceRoutedPacketsAreNotJoined(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		s := &testbed.Stream{Version: version, Protocol: unix.IPPROTO_TCP}
		var packets [][]byte
		for range 3 {
			plain := s.Packet(make([]byte, 100), inet.TCPACK)
			if version == 4 {
				route := slices.Concat([]byte{1, ipv4LooseSourceRoute, 7, 8}, netip.MustParseAddr(routerIPv4).AsSlice())
				packet := slices.Concat(plain[:inet.IPv4HeaderLength], route, plain[inet.IPv4HeaderLength:])
				packet[0] += uint8(len(route) / 4)
				inet.SetLength(packet[:inet.IPv4HeaderLength+len(route)], len(packet))
				packets = append(packets, packet)
				continue
			}
			route := slices.Concat([]byte{unix.IPPROTO_TCP, 2, 4, 0, 0, 0, 0, 0}, netip.MustParseAddr(routerIPv6).AsSlice())
			packet := slices.Concat(plain[:inet.IPv6HeaderLength], route, plain[inet.IPv6HeaderLength:])
			packet[inet.IPv6NextHeader] = ipv6RoutingHeader
			inet.SetLength(packet[:inet.IPv6HeaderLength], len(packet))
			packets = append(packets, packet)
		}
		if written := joined(t, testbed.Buffers(packets)); len(written) != len(packets) {
			t.Errorf("IPv%d: %d packets became %d", version, len(packets), len(written))
		}
	}
}
