package proxy

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Receive calls handle for each datagram that comes to a socket, until reading fails for good: that an earlier datagram
// did not arrive is no reason. It leaves headroom bytes free before each, which are part of what handle gets, and which
// it may use only until it returns.
func Receive(conn PacketConn, headroom int, handle func(data []byte, from netip.AddrPort)) error {
	wait := func() error { return nil }
	if waiter, ok := conn.(interface{ WaitReadable() error }); ok {
		wait = waiter.WaitReadable
	}
	for {
		if err := receiveOne(conn, headroom, wait, handle); err != nil && !isAboutEarlier(err) {
			return err
		}
	}
}

// isAboutEarlier reports whether an error says that a datagram sent before has not arrived. The system reports each
// once.
func isAboutEarlier(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EMSGSIZE,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

func receiveOne(
	conn PacketConn, headroom int, wait func() error, handle func(data []byte, from netip.AddrPort),
) error {
	if err := wait(); err != nil {
		return err
	}
	into := buffers.Get().(*buffer)
	defer buffers.Put(into)
	length, from, err := conn.ReadFromAddrPort(into[headroom:])
	if err != nil {
		return err
	}
	handle(into[:headroom+length], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	return nil
}

// closingTime is how long CloseGently waits for a client to end its side.
const closingTime = 2 * time.Second

// CloseGently closes a connection after its last bytes were written, such as an error for the client. If the client
// had still unread bytes here, its kernel could throw these last bytes away: they are read and discarded first.
func CloseGently(conn net.Conn) {
	closeWrite(conn)
	if conn.SetReadDeadline(time.Now().Add(closingTime)) == nil {
		var ignored [512]byte
		for range 1 << 10 {
			if _, err := conn.Read(ignored[:]); err != nil {
				break
			}
		}
	}
	_ = conn.Close()
}
