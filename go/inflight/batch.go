package inflight

// A Verdict says what becomes of a packet that is to enter the engine.
type Verdict int

const (
	Admitted  Verdict = iota
	Postponed         // the batch ends before it; the packet belongs to the next one
	Dropped           // as many as may wait for its destination wait already
)

// A Batch is the packets that one call feeds to the engine, for one goroutine. Packets are judged one
// after the other, and those that were admitted and taken enter at the end.
type Batch struct {
	outbound *Outbound
	now      moment // when the first packet was judged; 0 before that
	taken    []taken
	trial    bool // a packet that may wait was taken

	last        judged // the packet that was judged last
	destination Destination
	cached      bool // whatever else goes to the same destination has the same verdict
}

// judged is a packet's flow, and whether the flow was flowing.
type judged struct {
	flow    *flow
	flowing bool
}

// taken is a packet that was judged and taken.
type taken struct {
	judged
	ecn ECN
}

// NewBatch makes an empty batch for packets that enter through o, which may be nil.
func NewBatch(o *Outbound) *Batch { return &Batch{outbound: o} }

// Begin empties the batch.
func (b *Batch) Begin() {
	b.taken, b.trial, b.cached, b.now = b.taken[:0], false, false, 0
}

// Judge decides on the next packet by its destination.
func (b *Batch) Judge(destination Destination) Verdict {
	if b.outbound == nil || b.cached && destination == b.destination {
		return Admitted
	}
	b.destination = destination
	if b.now == 0 {
		b.now = b.outbound.now()
	}
	b.outbound.mu.Lock()
	defer b.outbound.mu.Unlock()
	f := b.outbound.flowTo(destination)
	b.last = judged{f, b.outbound.flows(f, b.now)}
	b.cached = b.last.flowing
	if b.cached {
		return Admitted
	}
	b.outbound.discount(f)
	switch {
	case !b.outbound.mayWait(f, b.now):
		return Dropped
	case b.trial:
		return Postponed
	}
	return Admitted
}

// Take adds the packet that was judged last, and admitted. ecn is its mark.
func (b *Batch) Take(ecn ECN) {
	if b.outbound == nil {
		return
	}
	b.taken = append(b.taken, taken{b.last, ecn})
	b.trial = b.trial || !b.last.flowing
}

// Enter counts the packets that were taken as fed to the engine, each by the first byte of its buffer.
// sizes are their lengths in bytes.
func (b *Batch) Enter(packets [][]byte, sizes []int) {
	if b.outbound == nil || len(b.taken) == 0 {
		return
	}
	o := b.outbound
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, packet := range b.taken {
		if before, dropped := o.buffers.leave(packets[i]); dropped {
			before.flow.refuse(before.sequence)
			o.recount(before.flow)
		}
		o.enter(packets[i], sizes[i], packet.ecn, packet.flow, packet.flowing, b.now)
		if !packet.flowing {
			o.setWaiting(packet.flow, min(packet.flow.inside(), staged))
		}
	}
}

// flowTo returns the flow to a destination.
func (o *Outbound) flowTo(destination Destination) *flow {
	found, forgotten := o.known.to(destination)
	if forgotten != nil {
		o.discount(forgotten)
		o.setWaiting(forgotten, 0)
	}
	return found
}

// mayWait reports whether another packet of a flow that is not flowing may wait in the engine.
func (o *Outbound) mayWait(f *flow, now moment) bool {
	if f.flowedLately(now) {
		return true // The processor is late, or the session has just ended.
	}
	if o.waiting >= mostWaiting {
		o.known.forgetExpired(now, func(expired *flow) { o.setWaiting(expired, 0) })
	}
	pause := now.since(f.lastIn)
	switch {
	case f.refused, f.waiting >= staged:
		// Now and then one may try: a peer may get the destination, or answer. Of those that wait the
		// engine drops the oldest, so that it is not the oldest ones that are sent at last.
		return pause >= patience
	case f.waiting > 0 && o.waiting >= mostWaiting:
		return pause >= scarcePause
	}
	return true
}

// recount sums up anew what is inside of a flow after the engine has dropped packets of it.
func (o *Outbound) recount(f *flow) {
	if f.counted > 0 {
		o.count(f)
	}
	o.setWaiting(f, min(f.inside(), f.waiting))
}
