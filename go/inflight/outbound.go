package inflight

import "time"

const (
	// maxStaged is how many batches the engine keeps for a peer without a session: the newest ones.
	maxStaged = 128
	// maxWaiting bounds the weight of the packets that may wait for all peers together.
	maxWaiting = 4096
	// busyTimeout is how long a busy processor may keep all packets from coming out.
	busyTimeout = 100 * time.Millisecond
	// scarceInterval is how long a flow must pause before another of its packets may wait once maxWaiting is
	// reached. The engine repeats a handshake as often.
	scarceInterval = 5 * time.Second
)

// Outbound bounds the packets from the TUN to the UDP socket. A flow is the packets to one destination
// address: only the engine knows to which peer an address belongs.
//
// While the packets of a flow come out, they fill batches. Otherwise they may have to wait for a session. The
// engine keeps the newest 128 batches for each peer, so each of these batches holds one such packet. Once
// as many wait as the engine keeps, Outbound drops most of those that follow.
//
// All methods may be called concurrently. A nil Outbound counts nothing, never waits and admits every packet.
type Outbound struct {
	*limit
	known flows
}

// NewOutbound returns a limit of max packets of up to 1,500 bytes. A larger packet counts as several.
func NewOutbound(max int) *Outbound {
	return &Outbound{limit: newLimit(max, busyTimeout), known: newFlows()}
}

// Wait returns once there is room for a batch, or done is closed.
func (o *Outbound) Wait(done <-chan struct{}) {
	if o != nil {
		o.wait(done)
	}
}

// Leave counts packets that came out of the engine, and stores the marks with which they entered in ecn,
// which has the same length. A packet that did not enter is ignored, and gets no mark.
func (o *Outbound) Leave(packets [][]byte, ecn []ECN) {
	if o == nil {
		clear(ecn)
		return
	}
	o.leave(packets, ecn, nil)
}

// Drain returns once all packets that are inside the engine have come out, but for those of stuck flows: they wait for a
// peer that does not answer. That takes at most busyTimeout after the last packet has come out. One goroutine may call it,
// while nobody feeds packets.
func (o *Outbound) Drain() {
	if o == nil {
		return
	}
	out := make(chan struct{}, 1)
	o.mu.Lock()
	o.drained = out
	for o.hasMoving() {
		o.mu.Unlock()
		select {
		case <-out:
		case <-time.After(stallTimeout): // a flow may be stuck by now
		}
		o.mu.Lock()
	}
	o.drained = nil
	o.mu.Unlock()
}

// hasMoving reports whether packets are inside that are expected to come out.
func (o *Outbound) hasMoving() bool {
	now := o.now()
	for _, f := range o.known.known {
		if f.inside() > 0 && !o.stuck(f, now) {
			return true
		}
	}
	return false
}
