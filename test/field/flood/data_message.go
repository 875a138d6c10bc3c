package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The layout of a data message: its type, little endian, then the receiver's index and the counter. Source:
// WireGuard's paper, section 5.4.6.
const (
	dataMessage   = 4
	receiverAt    = 4
	counterAt     = 8
	dataHeaderEnd = 16
	// minSize is the size of a keepalive: the header and a tag.
	minSize = dataHeaderEnd + 16
)

// filler writes the next payload.
type filler func(datagram []byte)

// fillerFor returns a filler that writes data messages for a receiver index, or for random ones if it is "random". If
// it is empty, the payload stays zero.
func fillerFor(receiver string, size int) (filler, error) {
	if receiver == "" {
		return func([]byte) {}, nil
	}
	if size < minSize {
		return nil, fmt.Errorf("a data message has at least %d bytes", minSize)
	}
	index, err := strconv.ParseUint(receiver, 10, 32)
	random := receiver == "random"
	if err != nil && !random {
		return nil, fmt.Errorf("%q is not a receiver index", receiver)
	}
	noise := make([]byte, size)
	if _, err := rand.Read(noise); err != nil {
		return nil, fmt.Errorf("no random bytes: %w", err)
	}
	var counter uint64
	return func(datagram []byte) {
		copy(datagram, noise)
		if random {
			index = uint64(mathrand.Uint32())
		}
		binary.LittleEndian.PutUint32(datagram, dataMessage)
		binary.LittleEndian.PutUint32(datagram[receiverAt:], uint32(index))
		binary.LittleEndian.PutUint64(datagram[counterAt:], counter)
		counter++
	}, nil
}

// captureReceiver returns the receiver index of the next data message to a UDP port of this namespace.
func captureReceiver(port uint16, limit time.Duration) (uint32, error) {
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(networkOrder(unix.ETH_P_IP)))
	if err != nil {
		return 0, fmt.Errorf("cannot capture packets: %w", err)
	}
	defer unix.Close(socket)
	// The caller must not cause traffic before this.
	fmt.Fprintln(os.Stderr, "capturing")
	timeout := unix.NsecToTimeval(int64(limit))
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return 0, fmt.Errorf("cannot bound the capture: %w", err)
	}
	packet := make([]byte, 65536)
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		n, _, err := unix.Recvfrom(socket, packet, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("no data message was seen: %w", err)
		}
		if index, ok := receiverOf(packet[:n], port); ok {
			return index, nil
		}
	}
	return 0, fmt.Errorf("no data message was seen in %v", limit)
}

// receiverOf returns the receiver index of an IPv4 packet that carries a data message to a UDP port.
func receiverOf(packet []byte, port uint16) (uint32, bool) {
	if len(packet) < 20 || packet[0]>>4 != 4 || packet[9] != unix.IPPROTO_UDP {
		return 0, false
	}
	start := int(packet[0]&15) * 4
	if start < 20 || len(packet) < start+8+minSize {
		return 0, false
	}
	udp := packet[start:]
	message := udp[8:]
	if binary.BigEndian.Uint16(udp[2:]) != port || binary.LittleEndian.Uint32(message) != dataMessage {
		return 0, false
	}
	return binary.LittleEndian.Uint32(message[receiverAt:]), true
}

func networkOrder(value uint16) uint16 {
	return binary.NativeEndian.Uint16([]byte{byte(value >> 8), byte(value)})
}
