package station

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A refusal is the answer to a request that failed.
type refusal struct {
	ID      uint64 `json:"id,omitempty"`
	Errno   string `json:"errno"`
	Message string `json:"message"`
}

func refuse(id uint64, err error) refusal { return refusal{id, nameOf(err), err.Error()} }

// A NameError says why there are no addresses for a name.
type NameError struct {
	Code string // as getaddrinfo(3) and Node.js call it: ENOTFOUND or EAI_AGAIN
	Err  error
}

func (e *NameError) Error() string { return e.Err.Error() }

func (e *NameError) Unwrap() error { return e.Err }

// A lateError says what did not happen within the time that a request may take.
type lateError struct {
	what  string
	limit time.Duration
}

func (e *lateError) Error() string { return fmt.Sprintf("%s within %v", e.what, e.limit) }

func (e *lateError) Unwrap() error { return unix.ETIMEDOUT }

// nameOf returns the name of the error number that an error wraps.
func nameOf(err error) string {
	var name *NameError
	if errors.As(err, &name) {
		return name.Code
	}
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
	case errors.Is(err, context.DeadlineExceeded):
		errno = unix.ETIMEDOUT
	default:
		errno = unix.EIO
	}
	if name := unix.ErrnoName(errno); name != "" {
		return name
	}
	return "EIO"
}

// ends are the two ends of a stream, for the answer to connect and accept.
type ends struct {
	ID            uint64 `json:"id"`
	LocalAddress  string `json:"localAddress"`
	LocalPort     uint16 `json:"localPort"`
	RemoteAddress string `json:"remoteAddress"`
	RemotePort    uint16 `json:"remotePort"`
	RemoteFamily  string `json:"remoteFamily"`
}

func endsOf(id uint64, local, remote netip.AddrPort) ends {
	return ends{
		ID:            id,
		LocalAddress:  local.Addr().String(),
		LocalPort:     local.Port(),
		RemoteAddress: remote.Addr().String(),
		RemotePort:    remote.Port(),
		RemoteFamily:  familyOf(remote.Addr()),
	}
}

// familyOf returns the name of an address family as Node.js writes it.
func familyOf(address netip.Addr) string {
	if address.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// Answers on the control channel, beside refusals.
type (
	done struct {
		ID uint64 `json:"id"`
	}
	listening struct {
		ID       uint64 `json:"id"`
		Listener uint64 `json:"listener"`
		Address  string `json:"address"`
		Port     uint16 `json:"port"`
	}
	found struct {
		ID        uint64       `json:"id"`
		Addresses []netip.Addr `json:"addresses"`
	}
	echoed struct {
		ID           uint64     `json:"id"`
		Address      netip.Addr `json:"address"`
		Milliseconds float64    `json:"milliseconds"`
	}
)

// bound is the answer to datagram.
type bound struct {
	ID      uint64 `json:"id"`
	Address string `json:"address"`
	Port    uint16 `json:"port"`
}

// Events on the control channel. A failure is that of a stream, or of one datagram.
type (
	incomingEvent struct {
		Event    string `json:"event"` // "incoming"
		Listener uint64 `json:"listener"`
		Stream   uint64 `json:"stream"`
		Address  string `json:"address"`
		Port     uint16 `json:"port"`
	}
	failedEvent struct {
		Event    string `json:"event"` // "failed"
		Stream   uint64 `json:"stream,omitempty"`
		Datagram uint64 `json:"datagram,omitempty"`
		Address  string `json:"address,omitempty"` // to which a datagram was sent
		Port     uint16 `json:"port,omitempty"`
		Errno    string `json:"errno"`
		Message  string `json:"message"`
	}
	droppedEvent struct {
		Event    string `json:"event"` // "dropped"
		Datagram uint64 `json:"datagram"`
		Count    uint64 `json:"count"`
	}
)
