package proxy

import (
	"net"
	"sync/atomic"
)

// Stats counts what one proxy does. The zero value is ready.
type Stats struct {
	whole                                     *Stats // that of all proxies of a tunnel, or nil
	accepted, active, refused, denied, failed atomic.Int64
	sent, received                            atomic.Uint64
	datagramsSent, datagramsReceived          atomic.Uint64
	datagramsDropped                          atomic.Uint64
}

// A Snapshot is what Stats had counted at one moment.
type Snapshot struct {
	Accepted int64 // connections of clients
	Active   int64 // of them, those that are open
	Refused  int64 // connections closed at once, because too many were open
	Denied   int64 // clients without the right user and password
	Failed   int64 // targets that could not be reached
	// Bytes and datagrams from clients into the tunnel, and back, without the protocols of the proxy itself.
	Sent, Received                   uint64
	DatagramsSent, DatagramsReceived uint64
	// DatagramsDropped counts those that nobody may send, have no target that can be reached, or exceed a limit.
	DatagramsDropped uint64
}

// Snapshot returns the counts. They are not of exactly the same moment.
func (s *Stats) Snapshot() Snapshot {
	return Snapshot{
		Accepted: s.accepted.Load(), Active: s.active.Load(), Refused: s.refused.Load(),
		Denied: s.denied.Load(), Failed: s.failed.Load(),
		Sent: s.sent.Load(), Received: s.received.Load(),
		DatagramsSent: s.datagramsSent.Load(), DatagramsReceived: s.datagramsReceived.Load(),
		DatagramsDropped: s.datagramsDropped.Load(),
	}
}

// PartOf returns Stats of one of several proxies whose connections have a limit together. whole counts all that are open.
func PartOf(whole *Stats) *Stats { return &Stats{whole: whole} }

// Admit counts a client's connection, and reports whether there is a place for it: whether fewer than limit are open, of
// all proxies to which a limit applies together. One that has no place counts as refused. It is never counted as open, not
// even until it is closed: otherwise it would take the place of a client who comes once there is one.
func (s *Stats) Admit(limit int64) bool {
	s.accepted.Add(1)
	places := &s.active
	if s.whole != nil {
		places = &s.whole.active
	}
	for {
		open := places.Load()
		if open >= limit {
			s.refused.Add(1)
			return false
		}
		if places.CompareAndSwap(open, open+1) {
			break
		}
	}
	if s.whole != nil {
		s.active.Add(1)
	}
	return true
}

// Open counts a client's connection to which no limit applies.
func (s *Stats) Open() {
	s.accepted.Add(1)
	s.active.Add(1)
	if s.whole != nil {
		s.whole.Open()
	}
}

// Close counts the end of a client's connection that was admitted or opened.
func (s *Stats) Close() {
	s.active.Add(-1)
	if s.whole != nil {
		s.whole.Close()
	}
}

// Deny counts a client without the right user and password.
func (s *Stats) Deny() { s.denied.Add(1) }

// Fail counts a target that could not be reached.
func (s *Stats) Fail() { s.failed.Add(1) }

// Send counts a datagram into the tunnel.
func (s *Stats) Send(length int) {
	s.datagramsSent.Add(1)
	s.sent.Add(uint64(length))
}

// Receive counts a datagram out of the tunnel.
func (s *Stats) Receive(length int) {
	s.datagramsReceived.Add(1)
	s.received.Add(uint64(length))
}

// Drop counts a datagram that went nowhere.
func (s *Stats) Drop() { s.datagramsDropped.Add(1) }

// Count returns a connection to a target whose bytes are counted.
func (s *Stats) Count(target net.Conn) net.Conn { return &countedConn{target, s} }

type countedConn struct {
	net.Conn
	stats *Stats
}

func (c *countedConn) Read(into []byte) (int, error) {
	length, err := c.Conn.Read(into)
	c.stats.received.Add(uint64(max(length, 0)))
	return length, err
}

func (c *countedConn) Write(data []byte) (int, error) {
	length, err := c.Conn.Write(data)
	c.stats.sent.Add(uint64(max(length, 0)))
	return length, err
}

// CloseWrite ends what the connection sends, if it can be half-closed.
func (c *countedConn) CloseWrite() error {
	closeWrite(c.Conn)
	return nil
}
