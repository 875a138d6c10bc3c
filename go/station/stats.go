package station

import (
	"runtime"

	"wg-bridge/go/resolve"
)

// stats is the answer to stats. Counts are since the tunnel was opened, but for those of what is open.
type stats struct {
	ID         uint64 `json:"id"`
	Streams    int    `json:"streams"`    // open, with those that are not accepted yet
	Unaccepted int    `json:"unaccepted"` // open
	Datagrams  int    `json:"datagrams"`  // open UDP sockets
	Listeners  int    `json:"listeners"`  // open

	Received        uint64 `json:"received"` // bytes of streams that clients got
	Sent            uint64 `json:"sent"`     // bytes of streams that clients gave
	Retransmissions uint64 `json:"retransmissions"`
	ResetsReceived  uint64 `json:"resetsReceived"`
	ResetsSent      uint64 `json:"resetsSent"`
	Refused         uint64 `json:"refused"` // connections that could not be made
	Dropped         uint64 `json:"dropped"` // datagrams for which a client or the stack had no room
	// Lookups that have failed, of clients and of proxies, but for those that this machine's resolver was asked.
	FailedLookups resolve.Reasons `json:"failedLookups"`
	Memory        uint64          `json:"memory"` // bytes that Go's runtime has from the system, in the whole process
}

func (c *client) tellStats(r *request) error {
	s := c.station
	tcp, udp := s.config.Network.Stack().Stats().TCP, s.config.Network.Stack().Stats().UDP
	answer := stats{
		ID:              r.ID,
		Received:        s.received.Load(),
		Sent:            s.sent.Load(),
		Retransmissions: tcp.Retransmits.Value(),
		ResetsReceived:  tcp.ResetsReceived.Value(),
		ResetsSent:      tcp.ResetsSent.Value(),
		Refused:         tcp.FailedConnectionAttempts.Value(),
		Dropped:         s.dropped.Load() + udp.ReceiveBufferErrors.Value(),
		FailedLookups:   s.config.Resolver.Failures(),
		Memory:          memory(),
	}
	s.mu.Lock()
	answer.Streams, answer.Unaccepted, answer.Datagrams, answer.Listeners = len(s.streams), s.unaccepted, len(s.datagrams), s.listeners
	s.mu.Unlock()
	c.send(answer)
	return nil
}

// memory is asked for seldom enough to stop the world for it. Package runtime/metrics would not, but costs each start of
// the program a tenth of a millisecond.
func memory() uint64 {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.Sys - memory.HeapReleased
}
