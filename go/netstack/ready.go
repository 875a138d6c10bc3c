package netstack

import (
	"net"
	"os"

	"gvisor.dev/gvisor/pkg/waiter"
)

// WaitReadable waits until Read would not: something has arrived, the other end has closed its side, or the connection
// has failed. So an idle connection needs no buffer. The error is net.ErrClosed or os.ErrDeadlineExceeded.
func (c *Conn) WaitReadable() error {
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		switch {
		case c.closed.Load():
			return c.opError("read", net.ErrClosed)
		case c.readLimit.isOver():
			return c.opError("read", os.ErrDeadlineExceeded)
		case c.endpoint.Readiness(waiter.ReadableEvents)&waiter.ReadableEvents != 0:
			return nil
		}
		c.await(&c.readable, waiter.ReadableEvents, &c.readLimit)
	}
}

// WaitReadable waits until ReadFromAddrPort would not. The error is net.ErrClosed or os.ErrDeadlineExceeded.
func (c *PacketConn) WaitReadable() error {
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		switch {
		case c.closed.Load():
			return c.opError("read", nil, net.ErrClosed)
		case c.readLimit.isOver():
			return c.opError("read", nil, os.ErrDeadlineExceeded)
		case c.endpoint.Readiness(waiter.ReadableEvents)&waiter.ReadableEvents != 0:
			return nil
		}
		select {
		case <-c.readable.woken:
		case <-c.readLimit.wait():
		}
	}
}
