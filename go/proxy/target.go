package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// A Target is where a client wants to go.
type Target struct {
	Host string // a name or an address without brackets
	Port uint16
}

// ParseTarget reads HOST:PORT. An IPv6 address has brackets.
func ParseTarget(text string) (Target, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return Target{}, fmt.Errorf("%q is not HOST:PORT: %w", text, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return Target{}, fmt.Errorf("the port of %q is not a number from 1 to 65535", text)
	}
	target := Target{host, uint16(number)}
	if err := target.check(); err != nil {
		return Target{}, fmt.Errorf("%q: %w", text, err)
	}
	return target, nil
}

func (t Target) check() error {
	switch {
	case t.Host == "":
		return errors.New("the host is missing")
	case t.Port == 0:
		return errors.New("port 0 cannot be connected to")
	}
	return nil
}

// TargetOf returns an address as a Target.
func TargetOf(address netip.AddrPort) Target {
	return Target{address.Addr().Unmap().String(), address.Port()}
}

// String returns HOST:PORT.
func (t Target) String() string { return net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port))) }
