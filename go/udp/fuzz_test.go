package udp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
)

// controlOf returns a control message of a received message, with its padding.
func controlOf(level, kind int, data ...byte) []byte {
	control, space := appendMessage(nil, level, kind, len(data))
	copy(space, data)
	return control
}

func joinedAs(size uint32) []byte {
	return controlOf(unix.SOL_UDP, unix.UDP_GRO, binary.NativeEndian.AppendUint32(nil, size)...)
}

func FuzzControlMessages(f *testing.F) {
	from4 := source{address: netip.MustParseAddr("192.0.2.1"), ifindex: 3}
	from6 := source{address: netip.MustParseAddr("2001:db8::1"), ifindex: 4}
	f.Add([]byte{})
	f.Add(appendSource(nil, &from4))
	f.Add(appendSource(nil, &from6))
	f.Add(append(appendSource(nil, &from6), joinedAs(1452)...))
	f.Add(appendSegmentSize(nil, 1452))
	f.Add(joinedAs(1 << 31))
	f.Add(joinedAs(0)[:unix.SizeofCmsghdr+1])
	f.Add(controlOf(unix.IPPROTO_IP, unix.IP_PKTINFO, 1, 2, 3))
	f.Add(controlOf(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO))
	f.Fuzz(func(t *testing.T, control []byte) {
		kept := bytes.Clone(control)
		got := decodeControl(control)
		if !bytes.Equal(control, kept) {
			t.Error("reading it has changed it")
		}
		if !got.source.address.IsValid() {
			return
		}
		want := got.source
		if want.address.Is4() || !want.address.IsLinkLocalUnicast() {
			want.ifindex = 0
		}
		if again := decodeControl(appendSource(nil, &got.source)); again.source != want {
			t.Errorf("%v came back as %v", want, again.source)
		}
	})
}

func FuzzSenders(f *testing.F) {
	var to sockaddr
	for _, address := range []string{"192.0.2.1:51820", "[2001:db8::1]:1", "[fe80::1]:65535"} {
		length := encodeSockaddr(&to, netip.MustParseAddrPort(address), 2)
		f.Add(to[:], uint32(length))
		f.Add(to[:], uint32(length-1))
	}
	f.Add([]byte{}, uint32(0))
	f.Add([]byte{unix.AF_UNIX, 0, 1}, uint32(1<<31))
	f.Fuzz(func(t *testing.T, bytes []byte, length uint32) {
		var from sockaddr
		copy(from[:], bytes)
		got, ifindex := decodeSockaddr(&from, length)
		if !got.IsValid() {
			return
		}
		var again sockaddr
		if back, _ := decodeSockaddr(&again, uint32(encodeSockaddr(&again, got, ifindex))); back != got {
			t.Errorf("%v came back as %v", got, back)
		}
	})
}

// lengthsOf decodes a list of lengths from bytes, two for each.
func lengthsOf(data []byte) (lengths []int) {
	for ; len(data) >= 2; data = data[2:] {
		lengths = append(lengths, int(binary.BigEndian.Uint16(data)))
	}
	return lengths
}

// bytesOf encodes what lengthsOf decodes.
func bytesOf(lengths ...uint16) (data []byte) {
	for _, length := range lengths {
		data = binary.BigEndian.AppendUint16(data, length)
	}
	return data
}

func FuzzGroups(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytesOf(1452, 1452, 1452, 100))
	f.Add(bytesOf(0, 0, 1, 0))
	f.Add(bytesOf(65535, 65535))
	f.Add(bytesOf(50_000, maxMessage-50_000, 1))
	f.Add(bytes.Repeat(bytesOf(9), 65))
	room := make([]byte, 65535)
	f.Fuzz(func(t *testing.T, lengths []byte) {
		var packets [][]byte
		for _, length := range lengthsOf(lengths) {
			packets = append(packets, room[:length])
		}
		expectGroups(t, packets)
	})
}

func FuzzJoinedMessages(f *testing.F) {
	f.Add([]byte("one and the same"), 4, bytesOf(16, 16, 16, 16, 16))
	f.Add([]byte("one more than fits"), 4, bytesOf(16, 16, 16))
	f.Add([]byte("longer than its buffer"), 10, bytesOf(16, 3, 16))
	f.Add([]byte("a whole one"), 0, bytesOf(65535))
	f.Add([]byte("no room at all"), -5, bytesOf(0, 0))
	f.Add([]byte{}, 1<<31, bytesOf(1))
	f.Add([]byte("nowhere"), 1, []byte{})
	f.Fuzz(func(t *testing.T, message []byte, segmentSize int, lengths []byte) {
		var buffers [][]byte
		for _, length := range lengthsOf(lengths) {
			buffers = append(buffers, make([]byte, length))
		}
		sizes := make([]int, len(buffers))
		filled, rest := splitInto(buffers, sizes, message, segmentSize)
		expectSplit(t, buffers[:filled], sizes, message[:len(message)-len(rest)], segmentSize)
		if filled < len(buffers) && len(rest) > 0 {
			t.Errorf("%d of %d buffers are filled, and %d bytes left over", filled, len(buffers), len(rest))
		}
	})
}

// expectSplit fails unless the buffers hold the message in segments, without those that did not fit.
func expectSplit(t *testing.T, buffers [][]byte, sizes []int, message []byte, segmentSize int) {
	t.Helper()
	if segmentSize <= 0 {
		segmentSize = max(len(message), 1)
	}
	for i, buffer := range buffers {
		segment := message[:min(segmentSize, len(message))]
		message = message[len(segment):]
		if len(segment) > len(buffer) {
			segment = nil
		}
		if !bytes.Equal(buffer[:sizes[i]], segment) {
			t.Errorf("buffer %d has %q, not %q", i, buffer[:sizes[i]], segment)
		}
	}
	if len(message) > 0 {
		t.Errorf("%d bytes are in no buffer", len(message))
	}
}

// FuzzReceivedMessages gives a receiver what no kernel should: any length, flags, sender and control messages. The
// engine's datagrams must fit their buffers, and be empty if the kernel truncated the message.
func FuzzReceivedMessages(f *testing.F) {
	var from sockaddr
	fromLength := encodeSockaddr(&from, netip.MustParseAddrPort("192.0.2.1:51820"), 0)
	f.Add(uint16(1500), int32(0), from[:], uint8(fromLength), []byte{}, bytesOf(1500))
	f.Add(uint16(65535), int32(unix.MSG_TRUNC), from[:], uint8(fromLength), joinedAs(9000), bytesOf(9000, 9000))
	f.Add(uint16(3000), int32(unix.MSG_CTRUNC), from[:3], uint8(3), joinedAs(1000)[:18], bytesOf(1000, 10, 2000, 1))
	f.Add(uint16(0), int32(0), []byte{}, uint8(0), joinedAs(1<<31), bytesOf(0, 0, 7))
	f.Fuzz(func(t *testing.T, length uint16, flags int32, sender []byte, senderLength uint8, control, lengths []byte) {
		var buffers [][]byte
		for _, length := range lengthsOf(lengths) {
			buffers = append(buffers, make([]byte, length))
		}
		if len(buffers) == 0 || len(buffers) > batchSize {
			return
		}
		r := newReceiver(&socket{coalesces: true}, nil, failures{})
		copy(r.senders[0][:], sender)
		r.messages[0].Len = uint32(length)
		r.messages[0].Hdr.Flags = flags
		r.messages[0].Hdr.Namelen = uint32(senderLength)
		r.messages[0].Hdr.SetControllen(copy(r.controls[0][:], control))
		r.pending = append(r.arrivals, r.arrival(0, r.buffers[0]))

		sizes, endpoints := make([]int, len(buffers)), make([]conn.Endpoint, len(buffers))
		for total := 0; len(r.pending) > 0; {
			n, err := r.receive(buffers, sizes, endpoints)
			if err != nil || n < 1 || n > len(buffers) {
				t.Fatalf("received %d datagrams in %d buffers: %v", n, len(buffers), err)
			}
			for i := range n {
				total += sizes[i]
				if sizes[i] > len(buffers[i]) || endpoints[i] == nil {
					t.Fatalf("a datagram of %d bytes in a buffer of %d, from %v", sizes[i], len(buffers[i]), endpoints[i])
				}
			}
			if total > int(length) || flags&unix.MSG_TRUNC != 0 && total > 0 {
				t.Fatalf("%d bytes of a message of %d with flags %#x", total, length, flags)
			}
		}
	})
}
