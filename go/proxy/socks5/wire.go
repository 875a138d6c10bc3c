package socks5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"wg-bridge/go/proxy"
)

// The numbers of RFC 1928 and 1929.
const (
	version         = 5
	passwordVersion = 1

	methodNone     = 0
	methodPassword = 2
	methodRefused  = 0xff

	commandConnect   = 1
	commandBind      = 2
	commandAssociate = 3

	typeIPv4 = 1
	typeName = 3
	typeIPv6 = 4
)

// A reply is the result of a request, as RFC 1928 numbers them.
type reply byte

const (
	replySucceeded          reply = 0
	replyFailed             reply = 1
	replyNotAllowed         reply = 2
	replyHostUnreachable    reply = 4
	replyRefused            reply = 5
	replyUnknownCommand     reply = 7
	replyUnknownAddressType reply = 8
)

// replyTo returns the reply that says why a target was not reached.
func replyTo(err error) reply {
	switch proxy.ReasonOf(err) {
	case proxy.Refused:
		return replyRefused
	case proxy.TimedOut, proxy.Unreachable, proxy.Unresolved:
		return replyHostUnreachable
	case proxy.NoFamily:
		return replyUnknownAddressType
	case proxy.NotAllowed:
		return replyNotAllowed
	}
	return replyFailed
}

// A protocolError says what is wrong with what a client sent, and with which reply to answer.
type protocolError struct {
	reply  reply
	reason string
}

func (e *protocolError) Error() string { return e.reason }

// A versionError says that a client speaks another protocol.
type versionError struct{ first byte }

func (e *versionError) Error() string {
	switch {
	case e.first == 4:
		return "the client speaks SOCKS4, which this proxy does not: use SOCKS5"
	case e.isHTTP():
		return "the client seems to speak HTTP to a SOCKS5 proxy"
	}
	return fmt.Sprintf("the client does not speak SOCKS5: its first byte is %#02x", e.first)
}

// isHTTP reports whether the first byte can begin a request of HTTP.
func (e *versionError) isHTTP() bool { return 'A' <= e.first && e.first <= 'Z' }

// answer returns what tells such a client what is wrong, or nothing.
func (e *versionError) answer() []byte {
	switch {
	case e.first == 4:
		return []byte{0, 0x5b, 0, 0, 0, 0, 0, 0} // SOCKS4: request rejected
	case e.isHTTP():
		return []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" +
			"This is a SOCKS5 proxy, not an HTTP proxy: write socks5h:// in place of http:// in its address.\n")
	}
	return nil
}

// readByte and the functions after it read exactly what belongs to the protocol: what follows is the stream's.
func readByte(from io.Reader) (byte, error) {
	var one [1]byte
	_, err := io.ReadFull(from, one[:])
	return one[0], err
}

// readCounted reads a length of one byte, and as many bytes.
func readCounted(from io.Reader) ([]byte, error) {
	length, err := readByte(from)
	if err != nil {
		return nil, err
	}
	bytes := make([]byte, length)
	_, err = io.ReadFull(from, bytes)
	return bytes, err
}

// readMethods reads the greeting: which ways to prove who it is the client offers.
func readMethods(from io.Reader) ([]byte, error) {
	first, err := readByte(from)
	if err != nil {
		return nil, err
	}
	if first != version {
		return nil, &versionError{first}
	}
	return readCounted(from)
}

// readCredentials reads a user name and a password.
func readCredentials(from io.Reader) (user, password string, err error) {
	first, err := readByte(from)
	if err != nil {
		return "", "", err
	}
	if first != passwordVersion {
		return "", "", fmt.Errorf("the user name and password come in version %d, not %d", first, passwordVersion)
	}
	name, err := readCounted(from)
	if err != nil {
		return "", "", err
	}
	secret, err := readCounted(from)
	return string(name), string(secret), err
}

// A request is what a client wants.
type request struct {
	command byte
	target  proxy.Target
}

// readRequest reads a request. The error is a *protocolError if the client can be told.
func readRequest(from io.Reader) (request, error) {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return request{}, err
	}
	if head[0] != version {
		return request{}, &protocolError{replyFailed, fmt.Sprintf("the request has version %d, not %d", head[0], version)}
	}
	var host string
	switch head[3] {
	case typeIPv4:
		var address [4]byte
		if _, err := io.ReadFull(from, address[:]); err != nil {
			return request{}, err
		}
		host = netip.AddrFrom4(address).String()
	case typeIPv6:
		var address [16]byte
		if _, err := io.ReadFull(from, address[:]); err != nil {
			return request{}, err
		}
		host = netip.AddrFrom16(address).Unmap().String()
	case typeName:
		name, err := readCounted(from)
		if err != nil {
			return request{}, err
		}
		host = string(name)
	default:
		return request{}, &protocolError{replyUnknownAddressType, fmt.Sprintf("the request has address type %d", head[3])}
	}
	var port [2]byte
	if _, err := io.ReadFull(from, port[:]); err != nil {
		return request{}, err
	}
	if host == "" {
		return request{}, &protocolError{replyFailed, "the request has an empty name"}
	}
	return request{head[1], proxy.Target{Host: host, Port: binary.BigEndian.Uint16(port[:])}}, nil
}

// appendAddress appends the type, the address and the port.
func appendAddress(to []byte, address netip.AddrPort) []byte {
	host := address.Addr().Unmap()
	switch {
	case host.Is4():
		to = append(to, typeIPv4)
	case host.Is6():
		to = append(to, typeIPv6)
	default: // There is none.
		host = netip.IPv4Unspecified()
		to = append(to, typeIPv4)
	}
	to = append(to, host.AsSlice()...)
	return binary.BigEndian.AppendUint16(to, address.Port())
}

// maxHeader is the length of the longest header that appendHeader writes.
const maxHeader = 3 + 1 + 16 + 2

// appendHeader appends the header of a datagram to the client that came from an address.
func appendHeader(to []byte, from netip.AddrPort) []byte {
	return appendAddress(append(to, 0, 0, 0), from)
}

var errDatagram = errors.New("not a datagram of SOCKS5, or a fragment of one")

// parseDatagram takes a client's datagram apart. Fragments are refused, as RFC 1928 allows. The host is valid if the
// target is an address; otherwise name is set.
func parseDatagram(data []byte) (host netip.Addr, name string, port uint16, payload []byte, err error) {
	if len(data) < 4 || data[2] != 0 {
		return netip.Addr{}, "", 0, nil, errDatagram
	}
	kind, rest := data[3], data[4:]
	length := 4
	switch kind {
	case typeIPv4:
	case typeIPv6:
		length = 16
	case typeName:
		if len(rest) == 0 || rest[0] == 0 {
			return netip.Addr{}, "", 0, nil, errDatagram
		}
		length, rest = int(rest[0]), rest[1:]
	default:
		return netip.Addr{}, "", 0, nil, errDatagram
	}
	if len(rest) < length+2 {
		return netip.Addr{}, "", 0, nil, errDatagram
	}
	address, rest := rest[:length], rest[length:]
	port, payload = binary.BigEndian.Uint16(rest), rest[2:]
	if kind == typeName {
		return netip.Addr{}, string(address), port, payload, nil
	}
	host, _ = netip.AddrFromSlice(address) // It has 4 or 16 bytes.
	return host.Unmap(), "", port, payload, nil
}
