package inflight

import "time"

const (
	// staged is how many batches the engine keeps for a peer without a session, the newest ones.
	staged = 128
	// mostWaiting bounds the weight of the packets that may wait for all peers together.
	mostWaiting = 4096
	// lateness is how long it can be that no packet comes out at all, since the processor is busy.
	lateness = 100 * time.Millisecond
	// scarcePause is how long a flow must pause before it may let another packet wait if too many do:
	// as often the engine tries another handshake.
	scarcePause = 5 * time.Second
)

// Outbound bounds the packets from the TUN to the UDP socket. A flow is the packets to one destination
// address, as only the engine knows to which peer an address belongs.
//
// While the packets of a flow come out, its packets fill batches. Otherwise they may wait for a session:
// the engine keeps the newest 128 batches for each peer, so each of these batches holds one packet. Once
// as many wait as the engine keeps, most of those that follow are dropped here.
//
// All methods may be called concurrently. A nil Outbound counts nothing, never waits and admits all.
type Outbound struct {
	*limit
	known flows
}

// NewOutbound makes a limit of most packets of up to 16 KiB. A larger one counts as several.
func NewOutbound(most int) *Outbound {
	return &Outbound{limit: newLimit(most, lateness), known: newFlows()}
}

// Wait returns when there is room for a batch, or done is closed.
func (o *Outbound) Wait(done <-chan struct{}) {
	if o != nil {
		o.wait(done)
	}
}

// Leave counts packets that came out of the engine, and puts the marks with which they entered into ecn,
// which is as long. Those that did not enter are left out, and have no mark.
func (o *Outbound) Leave(packets [][]byte, ecn []ECN) {
	if o == nil {
		clear(ecn)
		return
	}
	o.leave(packets, ecn)
}
