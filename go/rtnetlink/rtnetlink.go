// Package rtnetlink talks to the kernel's routing subsystem over netlink sockets: rtnetlink(7).
package rtnetlink

import (
	"encoding/binary"
	"errors"
	"iter"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Open opens a socket that receives the messages of the given multicast groups (RTMGRP_*, or 0 for none). flags
// are added to its type, for example SOCK_NONBLOCK. The caller owns the descriptor. The error is the system's:
// IsUnavailable recognises that there are no such messages.
func Open(flags int, groups uint32) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}))
	// Some sandboxes deny only bind(2). The kernel binds a socket without groups itself when that first sends.
	if err != nil && !(groups == 0 && IsUnavailable(err)) {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// ErrMalformed reports an answer of the kernel that cannot be decoded.
var ErrMalformed = errors.New("the kernel's netlink answer is malformed")

// An Errno is the error with which the kernel answered a request.
type Errno struct{ unix.Errno }

// Unwrap returns the plain errno, so that errors.Is recognises it.
func (e Errno) Unwrap() error { return e.Errno }

// IsUnavailable reports whether an error of this package means that this process cannot use rtnetlink, so that asking
// again is no use: a sandbox or a security module denies it, as Android does to applications, or the system does not
// have it, as gVisor has no multicast groups.
func IsUnavailable(err error) bool {
	errnos := []unix.Errno{unix.EACCES, unix.EPERM, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT,
		unix.EOPNOTSUPP, unix.ENOSYS}
	var answer Errno
	if errors.As(err, &answer) {
		errnos = []unix.Errno{unix.EPERM, unix.EOPNOTSUPP, unix.ENOSYS} // EACCES also answers for a route that prohibits.
	}
	return slices.ContainsFunc(errnos, func(errno unix.Errno) bool { return errors.Is(err, errno) })
}

// A Client sends requests to the kernel. Only one goroutine may use it at a time. A nil Client is closed.
type Client struct {
	fd              int // -1 once closed
	sequence        uint32
	request, answer []byte // kept from request to request
}

// NewClient opens a client's socket in the calling thread's network namespace.
func NewClient() (*Client, error) {
	fd, err := Open(0, 0)
	if err != nil {
		return nil, err
	}
	return &Client{fd: fd, answer: make([]byte, 1<<13)}, nil
}

// Ask sends one request, with NLM_F_REQUEST and further flags, and returns the message that answers it, which is
// valid until the next call: a struct nlmsghdr and its payload. A bare acknowledgement (NLM_F_ACK) is nil. The error
// is an Errno if the kernel refuses the request, os.ErrClosed if the client is closed, and otherwise says why there
// is no answer.
func (c *Client) Ask(kind, flags uint16, payload []byte) (message []byte, err error) {
	if c == nil || c.fd < 0 {
		return nil, os.ErrClosed
	}
	c.sequence++
	c.request = appendMessage(c.request[:0], kind, unix.NLM_F_REQUEST|flags, c.sequence, payload)
	if err := unix.Sendto(c.fd, c.request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, os.NewSyscallError("sendto", err)
	}
	for {
		// The kernel answers before sendto returns: there is nothing to wait for.
		n, _, err := unix.Recvfrom(c.fd, c.answer, unix.MSG_DONTWAIT)
		if err != nil {
			return nil, os.NewSyscallError("recvfrom", err)
		}
		message, sequence, err := decodeMessage(c.answer[:n])
		if sequence == c.sequence {
			return message, err
		}
		// It answers an earlier request, which gave up.
	}
}

// Close closes the socket.
func (c *Client) Close() error {
	if c == nil || c.fd < 0 {
		return nil
	}
	fd := c.fd
	c.fd = -1
	return unix.Close(fd)
}

// appendMessage appends a struct nlmsghdr and its payload.
func appendMessage(to []byte, kind, flags uint16, sequence uint32, payload []byte) []byte {
	to = binary.NativeEndian.AppendUint32(to, uint32(unix.SizeofNlMsghdr+len(payload)))
	to = binary.NativeEndian.AppendUint16(to, kind)
	to = binary.NativeEndian.AppendUint16(to, flags)
	to = binary.NativeEndian.AppendUint32(to, sequence)
	to = binary.NativeEndian.AppendUint32(to, 0) // the sender's port: the kernel knows it
	return append(to, payload...)
}

// decodeMessage returns the first message of a datagram and its sequence number, or the error that it reports.
func decodeMessage(datagram []byte) (message []byte, sequence uint32, err error) {
	if len(datagram) < unix.SizeofNlMsghdr {
		return nil, 0, ErrMalformed
	}
	length := binary.NativeEndian.Uint32(datagram)
	sequence = binary.NativeEndian.Uint32(datagram[8:])
	if length < unix.SizeofNlMsghdr || int64(length) > int64(len(datagram)) {
		return nil, sequence, ErrMalformed
	}
	message = datagram[:length]
	if binary.NativeEndian.Uint16(message[4:]) != unix.NLMSG_ERROR {
		return message, sequence, nil
	}
	if len(message) < unix.SizeofNlMsghdr+4 {
		return nil, sequence, ErrMalformed
	}
	// struct nlmsgerr begins with the negative errno, or 0 for an acknowledgement.
	if errno := unix.Errno(-int32(binary.NativeEndian.Uint32(message[unix.SizeofNlMsghdr:]))); errno != 0 {
		return nil, sequence, Errno{errno}
	}
	return nil, sequence, nil
}

// AppendAttribute appends a struct rtattr, padded so that another can follow.
func AppendAttribute(to []byte, kind uint16, value []byte) []byte {
	size := unix.SizeofRtAttr + len(value)
	to = binary.NativeEndian.AppendUint16(to, uint16(size))
	to = binary.NativeEndian.AppendUint16(to, kind)
	to = append(to, value...)
	return append(to, make([]byte, aligned(size)-size)...)
}

// AppendUint32 appends an attribute whose value is a number in the machine's byte order.
func AppendUint32(to []byte, kind uint16, value uint32) []byte {
	var encoded [4]byte
	binary.NativeEndian.PutUint32(encoded[:], value)
	return AppendAttribute(to, kind, encoded[:])
}

// Attributes yields the kind and the value of each struct rtattr, up to the first malformed one.
func Attributes(encoded []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for rest := encoded; len(rest) >= unix.SizeofRtAttr; {
			size := int(binary.NativeEndian.Uint16(rest))
			if size < unix.SizeofRtAttr || size > len(rest) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(rest[2:]), rest[unix.SizeofRtAttr:size]) {
				return
			}
			rest = rest[min(aligned(size), len(rest)):]
		}
	}
}

func aligned(size int) int { return (size + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }
