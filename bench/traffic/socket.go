package main

import (
	"encoding/binary"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// bufferLength is that of a relay's sockets, in bytes: what is lost, its lines decide.
const bufferLength = 8 << 20

var loopback = [4]byte{127, 0, 0, 1}

// A socket receives and sends datagrams that the kernel joins and splits (UDP_GRO and UDP_SEGMENT), where it can: a relay
// that carried each alone would cost more than the tunnels that it connects. It is not of package net, whose poller would
// wake for each datagram too.
type socket struct {
	fd      int
	control []byte // receive's
}

func bindSocket(port int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// Without CAP_NET_ADMIN, which a sandbox has, the kernel's maximum is what can be had.
	for _, option := range []struct{ forced, ordinary int }{
		{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF},
	} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, option.forced, bufferLength) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option.ordinary, bufferLength)
		}
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: loopback}); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return &socket{fd, make([]byte, unix.CmsgSpace(4))}, nil
}

func (s *socket) close() { _ = unix.Close(s.fd) }

// receive returns how many bytes of datagrams it has read, and the size of each but the last, which may be shorter.
func (s *socket) receive(buffer []byte) (n, size int, err error) {
	n, controlLength, _, _, err := unix.Recvmsg(s.fd, buffer, s.control, 0)
	if err != nil {
		return 0, 0, err
	}
	if controlLength < unix.CmsgSpace(0) {
		return n, n, nil
	}
	header, data, _, err := unix.ParseOneSocketControlMessage(s.control[:controlLength])
	if err == nil && header.Level == unix.SOL_UDP && header.Type == unix.UDP_GRO && len(data) >= 4 {
		return n, int(binary.NativeEndian.Uint32(data)), nil
	}
	return n, n, nil
}

// send sends a train. What its receiver refuses is lost, as on any path.
func (s *socket) send(t train, to unix.Sockaddr) {
	if len(t.datagrams) > t.size {
		if unix.Sendmsg(s.fd, t.datagrams, segmentSize(t.size), to, 0) == nil {
			return
		}
	}
	for one := range slices.Chunk(t.datagrams, t.size) {
		_ = unix.Sendmsg(s.fd, one, nil, to, 0)
	}
}

// segmentSize returns the control message that makes the kernel split a message into datagrams of a size.
func segmentSize(size int) []byte {
	control := make([]byte, unix.CmsgSpace(2))
	// struct cmsghdr: the length, as wide as a C size_t; then two C ints.
	const lengthSize = unix.SizeofCmsghdr - 8
	if lengthSize == 8 {
		binary.NativeEndian.PutUint64(control, uint64(unix.CmsgLen(2)))
	} else {
		binary.NativeEndian.PutUint32(control, uint32(unix.CmsgLen(2)))
	}
	binary.NativeEndian.PutUint32(control[lengthSize:], unix.SOL_UDP)
	binary.NativeEndian.PutUint32(control[lengthSize+4:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(control[unix.CmsgLen(0):], uint16(size))
	return control
}
