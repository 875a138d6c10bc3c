// Package host is the only way from a proxy to this machine: what the operator has named, to listen at or as the target
// of an exposed port. Only Lookup looks up names, for operators who want this machine's resolver to do so.
package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/proxy"
)

// dialTimeout is how long a target on this machine or beside it may take to accept a connection.
const dialTimeout = 10 * time.Second

// unixPrefix begins the path of a Unix socket.
const unixPrefix = "unix:"

// An Address is an address of IP with a port, or the path of a Unix socket.
type Address struct {
	path string
	ip   netip.AddrPort
	// isLocalhost says that ::1 will do as well as 127.0.0.1, if nobody listens there.
	isLocalhost bool
}

// ParseAddress reads ADDRESS:PORT, localhost:PORT or unix:PATH.
func ParseAddress(text string) (Address, error) {
	if path, isPath := strings.CutPrefix(text, unixPrefix); isPath {
		// The kernel's limit. A path that begins with "@" would be an abstract name, which anybody may connect to.
		if path == "" || strings.HasPrefix(path, "@") || len(path) >= len(unix.RawSockaddrUnix{}.Path) {
			return Address{}, fmt.Errorf("%q: write %sPATH with a path of 1 to %d bytes",
				text, unixPrefix, len(unix.RawSockaddrUnix{}.Path)-1)
		}
		return Address{path: path}, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return Address{}, fmt.Errorf("%q is neither ADDRESS:PORT nor %sPATH: %w", text, unixPrefix, err)
	}
	address := Address{isLocalhost: strings.EqualFold(host, "localhost")}
	if address.isLocalhost {
		host = "127.0.0.1"
	}
	address.ip, err = netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return Address{}, fmt.Errorf("%q: %w; names are not looked up here, except localhost", text, err)
	}
	return address, nil
}

// String returns what ParseAddress reads.
func (a Address) String() string {
	if a.path != "" {
		return unixPrefix + a.path
	}
	return a.ip.String()
}

// HasPort reports whether the address is the same each time it is listened at: whether no free port is asked for.
func (a Address) HasPort() bool { return a.path != "" || a.ip.Port() != 0 }

// IsPrivate reports whether only users of this machine can connect to the address.
func (a Address) IsPrivate() bool { return a.path != "" || a.ip.Addr().Unmap().IsLoopback() }

// Listen listens at the address. A Unix socket has mode 0600, and replaces one that nobody serves.
func (a Address) Listen(ctx context.Context) (net.Listener, error) {
	if a.path == "" {
		var config net.ListenConfig
		return config.Listen(ctx, "tcp", a.ip.String())
	}
	listener, err := a.listenUnix(ctx)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return listener, err
	}
	if err := a.removeDead(ctx); err != nil {
		return nil, err
	}
	return a.listenUnix(ctx)
}

func (a Address) listenUnix(ctx context.Context) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		var modeErr error
		// Before it is bound: from its first moment on, the file has the descriptor's mode.
		err := conn.Control(func(fd uintptr) { modeErr = unix.Fchmod(int(fd), 0o600) })
		return errors.Join(err, modeErr)
	}}
	return config.Listen(ctx, "unix", a.path)
}

// removeDead removes a socket that nobody serves.
func (a Address) removeDead(ctx context.Context) error {
	found, err := os.Lstat(a.path)
	if err != nil {
		return fmt.Errorf("inspecting what is in the way of %v: %w", a, err)
	}
	if found.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("a file that is not a socket is in the way of %v: %w", a, syscall.EADDRINUSE)
	}
	conn, err := a.Dial(ctx)
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("another program listens at %v: %w", a, syscall.EADDRINUSE), conn.Close())
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("finding out whether another program listens at %v: %w", a, err)
	}
	if err := os.Remove(a.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing a dead socket: %w", err)
	}
	return nil
}

// Dial connects to the address.
func (a Address) Dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	if a.path != "" {
		return dialer.DialContext(ctx, "unix", a.path)
	}
	conn, err := dialer.DialContext(ctx, "tcp", a.ip.String())
	if a.isLocalhost && errors.Is(err, syscall.ECONNREFUSED) {
		return dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(netip.IPv6Loopback(), a.ip.Port()).String())
	}
	return conn, err
}

// Sockets opens UDP sockets on this machine. It is a socks5.PacketListener.
type Sockets struct{}

// ListenPacket opens a UDP socket at an address. If its port is 0, the kernel chooses.
func (Sockets) ListenPacket(local netip.AddrPort) (proxy.PacketConn, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, err
	}
	return newSocket(conn)
}

// ListenPacket opens a UDP socket at the address.
func (a Address) ListenPacket() (proxy.PacketConn, error) {
	if a.path != "" {
		return nil, fmt.Errorf("%v: a Unix socket cannot take UDP", a)
	}
	return Sockets{}.ListenPacket(a.ip)
}
