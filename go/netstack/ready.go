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
	return c.waitFor("read", waiter.ReadableEvents, &c.readable, &c.readLimit)
}

// WaitWritable waits until the connection has room, or has failed. The error is net.ErrClosed or os.ErrDeadlineExceeded.
func (c *Conn) WaitWritable() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.waitFor("write", waiter.WritableEvents|waiter.EventErr|waiter.EventHUp, &c.writable, &c.writeEnd)
}

// waitFor waits for one of some events.
func (c *Conn) waitFor(operation string, events waiter.EventMask, signal *lazySignal, limit *deadline) error {
	for {
		if err := c.ended(operation, limit); err != nil || c.endpoint.Readiness(events)&events != 0 {
			return err
		}
		c.await(signal, events, limit)
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
