package netstack

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"wg-bridge/go/inet"
)

// Splice gives the stack what waits in a socket of this process, which does not block, straight from there. It returns
// how many bytes the stack took. It waits for nothing: failure is *tcpip.ErrWouldBlock if the connection has no more room,
// readErr EAGAIN if the socket is empty, and io.EOF if it has ended. Nothing else may write to the connection meanwhile.
func (c *Conn) Splice(fd int) (n int, failure tcpip.Error, readErr error) {
	size, readErr := waitingIn(fd)
	if readErr != nil {
		return 0, nil, readErr
	}
	if c.spliced == nil {
		c.spliced = new(spliced)
	}
	for n < size && failure == nil {
		*c.spliced = spliced{fd: fd, left: min(size-n, c.piece)}
		var taken int64
		// Atomic: otherwise the stack would throw away what it has read if its buffer shrinks meanwhile.
		taken, failure = c.endpoint.Write(c.spliced, tcpip.WriteOptions{Atomic: true})
		n += int(taken)
		if c.spliced.err != nil {
			return n, nil, c.spliced.err
		}
	}
	return n, failure, nil
}

// WriteFrom is Splice with the errors of Write: err is nil if the connection has no more room, which WaitWritable waits
// for.
func (c *Conn) WriteFrom(fd int) (n int, readErr, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.ended("write", &c.writeEnd); err != nil {
		return 0, nil, err
	}
	n, failure, readErr := c.Splice(fd)
	switch failure.(type) {
	case nil, *tcpip.ErrWouldBlock:
		return n, readErr, nil
	}
	return n, readErr, c.opError("write", c.fail("write", failure))
}

// waitingIn returns how many bytes wait in a socket, or else why none does: EAGAIN if they are still to come, io.EOF if
// there will be none.
func waitingIn(fd int) (int, error) {
	for {
		size, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		if size > 0 || err != nil {
			return size, os.NewSyscallError("ioctl", err)
		}
		var one [1]byte
		n, _, err := unix.Recvfrom(fd, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR) || n > 0:
		case err != nil:
			return 0, os.NewSyscallError("recvfrom", err)
		default:
			return 0, io.EOF
		}
	}
}

// A spliced is a number of bytes that wait in a socket, for the stack to read.
type spliced struct {
	fd, left int
	err      error
}

// Len returns how many bytes are left.
func (s *spliced) Len() int { return s.left }

// Read reads some of them.
func (s *spliced) Read(into []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if len(into) == 0 {
		return 0, nil // The stack asks for nothing first; io.EOF would end its copy.
	}
	for {
		n, err := unix.Read(s.fd, into[:min(len(into), s.left)])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			s.err = os.NewSyscallError("read", err)
			return 0, s.err
		case n == 0: // Only this call reads, so what waited is there.
			s.err = io.ErrUnexpectedEOF
			return 0, s.err
		}
		s.left -= n
		return n, nil
	}
}

// pieceOf returns how many bytes are best written at once: as many full segments as a packet of the stack holds, so that
// none but the last is short. A short one costs as much as a full one, and the other end joins none to it.
func pieceOf(mtu uint32, protocol tcpip.NetworkProtocolNumber) int {
	// The stack's own limit for what it leaves to be cut. In each segment it keeps room for the longest options.
	const limit = inet.MaxPacket - header.TCPTotalHeaderMaximumSize - 1
	segment := int(mtu) - header.TCPHeaderMaximumSize - header.IPv6MinimumSize
	if protocol == ipv4.ProtocolNumber {
		segment += header.IPv6MinimumSize - header.IPv4MinimumSize
	}
	if segment >= limit {
		return limit
	}
	return limit / segment * segment
}
