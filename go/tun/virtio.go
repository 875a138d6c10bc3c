package tun

import (
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"wg-bridge/go/segmentation"
)

// virtioSize is the length in bytes of the header before each packet of a TUN file.
const virtioSize = 10

// A virtioHeader says what the sender of a packet left to its receiver: its checksum, and its segmentation. Source:
// struct virtio_net_hdr of linux/virtio_net.h, whose numbers are in the machine's byte order.
type virtioHeader struct {
	flags          uint8
	gsoType        uint8  // without the ECN bit
	ecn            bool   // the first segment's CWR flag is set
	headerLength   uint16 // not reliable for forwarded packets
	segmentSize    uint16 // payload bytes of each segment but the last
	checksumStart  uint16 // the checksum covers the packet from here to its end
	checksumOffset uint16 // from checksumStart to the checksum field
}

func decodeVirtio(from []byte) (virtioHeader, error) {
	if len(from) < virtioSize {
		return virtioHeader{}, fmt.Errorf("virtio header of %d bytes, want %d: %w", len(from), virtioSize, io.ErrUnexpectedEOF)
	}
	return virtioHeader{
		flags:          from[0],
		gsoType:        from[1] &^ unix.VIRTIO_NET_HDR_GSO_ECN,
		ecn:            from[1]&unix.VIRTIO_NET_HDR_GSO_ECN != 0,
		headerLength:   binary.NativeEndian.Uint16(from[2:]),
		segmentSize:    binary.NativeEndian.Uint16(from[4:]),
		checksumStart:  binary.NativeEndian.Uint16(from[6:]),
		checksumOffset: binary.NativeEndian.Uint16(from[8:]),
	}, nil
}

// encode writes the header to the first virtioSize bytes of to.
func (h virtioHeader) encode(to []byte) {
	_ = to[virtioSize-1]
	to[0], to[1] = h.flags, h.gsoType
	if h.ecn {
		to[1] |= unix.VIRTIO_NET_HDR_GSO_ECN
	}
	binary.NativeEndian.PutUint16(to[2:], h.headerLength)
	binary.NativeEndian.PutUint16(to[4:], h.segmentSize)
	binary.NativeEndian.PutUint16(to[6:], h.checksumStart)
	binary.NativeEndian.PutUint16(to[8:], h.checksumOffset)
}

// cut returns the segments of a packet that the kernel left whole. It checks all that the header says.
func cut(header virtioHeader, packet []byte) (segmentation.Segments, error) {
	plan := segmentation.Plan{
		TransportAt: int(header.checksumStart), ChecksumOffset: int(header.checksumOffset), Size: int(header.segmentSize),
	}
	switch header.gsoType {
	case unix.VIRTIO_NET_HDR_GSO_TCPV4:
		plan.Kind = segmentation.TCP4
	case unix.VIRTIO_NET_HDR_GSO_TCPV6:
		plan.Kind = segmentation.TCP6
	case unix.VIRTIO_NET_HDR_GSO_UDP_L4:
		plan.Kind = segmentation.UDP
	default:
		return segmentation.Segments{}, fmt.Errorf("GSO type %d, which was not requested: %w", header.gsoType, segmentation.ErrMalformed)
	}
	if header.flags&unix.VIRTIO_NET_HDR_F_NEEDS_CSUM == 0 {
		return segmentation.Segments{}, fmt.Errorf("segments without a checksum to complete: %w", segmentation.ErrMalformed)
	}
	// The virtio header's length may include the first segment's payload, so Cut looks at the transport header's.
	return segmentation.Cut(plan, packet)
}

// encodeRun writes the virtio header of a run before its first packet, and makes that packet's headers those of all.
func encodeRun(r *segmentation.Run, buffer []byte, offset int) {
	if r.Count == 1 {
		clear(buffer[offset-virtioSize : offset])
		return
	}
	r.JoinHeaders(buffer[offset:])
	plan := r.Plan()
	header := virtioHeader{
		flags:          unix.VIRTIO_NET_HDR_F_NEEDS_CSUM,
		headerLength:   uint16(r.Headers()),
		segmentSize:    uint16(plan.Size),
		checksumStart:  uint16(plan.TransportAt),
		checksumOffset: uint16(plan.ChecksumOffset),
	}
	switch plan.Kind {
	case segmentation.TCP4:
		header.gsoType = unix.VIRTIO_NET_HDR_GSO_TCPV4
	case segmentation.TCP6:
		header.gsoType = unix.VIRTIO_NET_HDR_GSO_TCPV6
	case segmentation.UDP:
		header.gsoType = unix.VIRTIO_NET_HDR_GSO_UDP_L4
	}
	header.encode(buffer[offset-virtioSize:])
}

// setHeaderSize makes the kernel put headers of virtioSize bytes before packets. Whoever opened the TUN may have
// chosen longer ones.
func setHeaderSize(fd int) error {
	err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, virtioSize)
	if err == nil {
		return nil
	}
	if isMissing(err) { // virtioSize is the kernel's default.
		if size, unknown := unix.IoctlGetInt(fd, unix.TUNGETVNETHDRSZ); unknown != nil || size == virtioSize {
			return nil
		}
	}
	return fmt.Errorf("choosing the size of the virtio header: %w", err)
}
