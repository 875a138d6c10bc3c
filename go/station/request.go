package station

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/proxy/service"
)

// version is the version of the protocol.
const version = 1

// A request is what a client asks for, with the fields of every kind. Those that a kind does not know are ignored.
type request struct {
	V    int    `json:"v"`
	Kind string `json:"kind"`
	ID   uint64 `json:"id"` // of a request on the control channel

	Stream   uint64 `json:"stream"`
	Listener uint64 `json:"listener"`

	Address      string `json:"address"`
	Host         string `json:"host"`
	Port         uint16 `json:"port"`
	LocalAddress string `json:"localAddress"`
	LocalPort    uint16 `json:"localPort"`
	Family       int    `json:"family"` // 4, 6, or 0 for both
	Timeout      int64  `json:"timeout"`
	Backlog      int    `json:"backlog"`
	Name         string `json:"name"`
	Size         int    `json:"size"`

	KeepAlive *keepAlive `json:"keepAlive"`
	NoDelay   *bool      `json:"noDelay"`

	Addresses []string `json:"addresses"`
	DNS       []string `json:"dns"`
	Search    []string `json:"search"`
	MTU       int      `json:"mtu"`
	Memory    int64    `json:"memory"` // bytes

	Proxy uint64        `json:"proxy"`
	Spec  *service.Spec `json:"spec"`
}

// parseRequest reads the JSON of a request. The error wraps EPROTO if it is not an object of JSON, and EINVAL if a field
// has a value of the wrong type. In the second case the request has the other fields.
func parseRequest(text []byte) (request, error) {
	var r request
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return request{}, fmt.Errorf("a request is a JSON object: %w", unix.EPROTO)
	}
	err := json.Unmarshal(text, &r)
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped):
		return r, fmt.Errorf("%q cannot be %s: %w", mistyped.Field, mistyped.Value, unix.EINVAL)
	case errors.Is(err, unix.EINVAL):
		return r, err
	case err != nil:
		return request{}, fmt.Errorf("a request is not JSON: %w: %w", err, unix.EPROTO)
	}
	return r, nil
}

// keepAlive is off, on with the stack's own times, or on after an idle time.
type keepAlive struct {
	on   bool
	idle time.Duration
}

// UnmarshalJSON reads false, true, or a number of milliseconds, of which 0 stands for false.
func (k *keepAlive) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &k.on) == nil {
		return nil
	}
	var milliseconds float64
	if err := json.Unmarshal(text, &milliseconds); err != nil || milliseconds < 0 || milliseconds > maxMilliseconds {
		return fmt.Errorf("\"keepAlive\" is not true, false or a number of milliseconds: %w", unix.EINVAL)
	}
	k.on = milliseconds > 0
	k.idle = time.Duration(milliseconds * float64(time.Millisecond))
	return nil
}

// maxMilliseconds bounds every time in a request: that of the longest timer of Node.js, 24 days.
const maxMilliseconds = 1<<31 - 1

// limit returns the time that a request may take; usual is for a request that does not say.
func (r *request) limit(usual time.Duration) (time.Duration, error) {
	switch {
	case r.Timeout == 0:
		return usual, nil
	case r.Timeout < 0 || r.Timeout > maxMilliseconds:
		return 0, fmt.Errorf("a timeout of %d ms: it must be 1 to %d: %w", r.Timeout, maxMilliseconds, unix.EINVAL)
	}
	return time.Duration(r.Timeout) * time.Millisecond, nil
}

// parseAddress reads an address as a client writes it. The zones of IPv6 addresses mean nothing inside a tunnel.
func parseAddress(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address: %w", text, unix.EINVAL)
	}
	return address.Unmap(), nil
}

// parseAddresses reads a list of addresses.
func parseAddresses(texts []string) ([]netip.Addr, error) {
	addresses := make([]netip.Addr, 0, len(texts))
	for _, text := range texts {
		address, err := parseAddress(text)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}

// parseLocal reads an address to bind to. A missing one stands for all addresses of the tunnel.
func (s *Station) parseLocal(address string, port uint16) (netip.AddrPort, error) {
	if address == "" {
		return netip.AddrPortFrom(netip.Addr{}, port), nil
	}
	parsed, err := parseAddress(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if own := s.config.Network.Addresses(); !isAny(parsed) && !slices.Contains(own, parsed) {
		return netip.AddrPort{}, fmt.Errorf("%v is not an address of the tunnel, which has %v: %w", parsed, own, unix.EADDRNOTAVAIL)
	}
	return netip.AddrPortFrom(parsed, port), nil
}

// isAny reports whether an address to bind to stands for all addresses of the tunnel.
func isAny(address netip.Addr) bool { return !address.IsValid() || address.IsUnspecified() }
