package inflight

// maxProbe is how many packets a batch may hold while none comes out: packets that are not authentic would
// otherwise fill the engine's queues, which count batches.
const maxProbe = 8

// Inbound bounds the packets from the UDP socket to the TUN. They are all one flow: they come out, or are
// dropped, in the order in which the engine decrypts them.
//
// All methods may be called concurrently. A nil Inbound counts nothing and never waits.
type Inbound struct {
	*limit
	flow flow
}

// NewInbound returns a limit of max packets of up to 1,500 bytes. A larger packet counts as several.
func NewInbound(max int) *Inbound { return &Inbound{limit: newLimit(max, stallTimeout)} }

// Wait returns once there is room for a batch, or done is closed. It returns how many packets the batch may
// hold, at most wanted.
func (i *Inbound) Wait(done <-chan struct{}, wanted int) int {
	if i == nil {
		return wanted
	}
	i.wait(done)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.flows(&i.flow, i.flow.lastIn) { // Reading the clock would cost more than it is worth.
		return wanted
	}
	return min(maxProbe, wanted)
}

// Enter counts packets that were fed to the engine, recognising each by the address of its first byte. sizes
// holds their lengths in bytes, ecn their marks, waited how long each waited before.
func (i *Inbound) Enter(packets [][]byte, sizes []int, ecn []ECN, waited []Wait) {
	if i == nil || len(packets) == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	flowing := i.flows(&i.flow, now)
	for n, packet := range packets {
		i.enter(packet, sizes[n], ecn[n], waited[n], &i.flow, flowing, now)
	}
}

// Leave counts packets that came out of the engine. It stores the marks with which they entered in ecn, and how long
// they had waited in waited, which have the same length. A packet that did not enter is ignored, and gets neither.
func (i *Inbound) Leave(packets [][]byte, ecn []ECN, waited []Wait) {
	if i == nil {
		clear(ecn)
		clear(waited)
		return
	}
	i.leave(packets, ecn, waited)
}
