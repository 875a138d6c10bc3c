package netstack

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// Errno returns the error number with which the kernel reports what err says. It is the one table of errors of the
// stack; 0 stands for no error.
func Errno(err tcpip.Error) syscall.Errno {
	switch err.(type) {
	case nil:
		return 0
	case *tcpip.ErrConnectionRefused:
		return syscall.ECONNREFUSED
	case *tcpip.ErrTimeout:
		return syscall.ETIMEDOUT
	case *tcpip.ErrNetworkUnreachable, *tcpip.ErrHostUnreachable, *tcpip.ErrNoNet:
		// The kernel's WireGuard answers with ICMP "host unreachable" if no peer has the destination.
		return syscall.EHOSTUNREACH
	case *tcpip.ErrHostDown:
		return syscall.EHOSTDOWN
	case *tcpip.ErrConnectionReset:
		return syscall.ECONNRESET
	case *tcpip.ErrAborted, *tcpip.ErrConnectionAborted:
		return syscall.ECONNABORTED
	case *tcpip.ErrPortInUse, *tcpip.ErrDuplicateAddress:
		return syscall.EADDRINUSE
	case *tcpip.ErrBadLocalAddress, *tcpip.ErrNoPortAvailable, *tcpip.ErrBadAddress:
		return syscall.EADDRNOTAVAIL
	case *tcpip.ErrMessageTooLong:
		return syscall.EMSGSIZE
	case *tcpip.ErrNoBufferSpace:
		return syscall.ENOBUFS
	case *tcpip.ErrClosedForSend:
		return syscall.EPIPE
	case *tcpip.ErrNotConnected, *tcpip.ErrClosedForReceive:
		return syscall.ENOTCONN
	case *tcpip.ErrAlreadyConnected:
		return syscall.EISCONN
	case *tcpip.ErrAlreadyConnecting:
		return syscall.EALREADY
	case *tcpip.ErrConnectStarted:
		return syscall.EINPROGRESS
	case *tcpip.ErrWouldBlock:
		return syscall.EAGAIN
	case *tcpip.ErrDestinationRequired:
		return syscall.EDESTADDRREQ
	case *tcpip.ErrAddressFamilyNotSupported:
		return syscall.EAFNOSUPPORT
	case *tcpip.ErrUnknownProtocol, *tcpip.ErrUnknownProtocolOption:
		return syscall.ENOPROTOOPT
	case *tcpip.ErrBroadcastDisabled:
		return syscall.EACCES
	case *tcpip.ErrNotPermitted:
		return syscall.EPERM
	case *tcpip.ErrNotSupported:
		return syscall.EOPNOTSUPP
	case *tcpip.ErrBadBuffer:
		return syscall.EFAULT
	}
	return syscall.EINVAL
}

// failure returns an error for what the stack reports about a call, with the names that package net uses.
func failure(operation, network string, source, address net.Addr, err tcpip.Error) error {
	return opError(operation, network, source, address, os.NewSyscallError(operation, Errno(err)))
}

func opError(operation, network string, source, address net.Addr, err error) error {
	return &net.OpError{Op: operation, Net: network, Source: source, Addr: address, Err: err}
}

// An interruption is the end of a call by its context. It is both the context's error and an error number.
type interruption struct{ cause error }

func (i interruption) Error() string {
	if i.Timeout() {
		return "no answer before the time limit"
	}
	return "given up by its caller"
}

func (i interruption) Unwrap() []error {
	if errors.Is(i.cause, context.DeadlineExceeded) {
		return []error{i.cause, syscall.ETIMEDOUT}
	}
	return []error{i.cause, syscall.ECANCELED}
}

func (i interruption) Timeout() bool { return errors.Is(i.cause, context.DeadlineExceeded) }

// errDeviceClosed is net.ErrClosed in words that say what is closed.
var errDeviceClosed error = deviceClosedError{}

type deviceClosedError struct{}

func (deviceClosedError) Error() string { return "the tunnel is closed" }

func (deviceClosedError) Unwrap() error { return net.ErrClosed }

func tcpAddress(a netip.AddrPort) net.Addr {
	if !a.Addr().IsValid() {
		return nil
	}
	return net.TCPAddrFromAddrPort(a)
}

func udpAddress(a netip.AddrPort) net.Addr {
	if !a.Addr().IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(a)
}
