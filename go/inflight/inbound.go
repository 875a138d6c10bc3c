package inflight

// inboundTrial is how many packets a batch may hold while none comes out: packets that are not authentic
// fill the engine's queues, which count batches.
const inboundTrial = 8

// Inbound bounds the packets from the UDP socket to the TUN. They all are one flow: each of them comes
// out or is dropped in the order in which the engine decrypts.
//
// All methods may be called concurrently. A nil Inbound counts nothing and never waits.
type Inbound struct {
	*limit
	flow flow
}

// NewInbound makes a limit of most packets of up to 16 KiB. A larger one counts as several.
func NewInbound(most int) *Inbound { return &Inbound{limit: newLimit(most, patience)} }

// Wait returns when there is room for a batch, or done is closed, and how many packets of up to wanted
// the batch may hold.
func (i *Inbound) Wait(done <-chan struct{}, wanted int) int {
	if i == nil {
		return wanted
	}
	i.wait(done)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.flows(&i.flow, i.flow.lastIn) { // Reading the time would cost more than it is worth.
		return wanted
	}
	return min(inboundTrial, wanted)
}

// Enter counts packets that were fed to the engine, each by the first byte of its buffer. sizes are
// their lengths in bytes, ecn their marks.
func (i *Inbound) Enter(packets [][]byte, sizes []int, ecn []ECN) {
	if i == nil || len(packets) == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	flowing := i.flows(&i.flow, now)
	for n, packet := range packets {
		i.enter(packet, sizes[n], ecn[n], &i.flow, flowing, now)
	}
}

// Leave counts packets that came out of the engine, and puts the marks with which they entered into ecn,
// which is as long. Those that did not enter are left out, and have no mark.
func (i *Inbound) Leave(packets [][]byte, ecn []ECN) {
	if i == nil {
		clear(ecn)
		return
	}
	i.leave(packets, ecn)
}
