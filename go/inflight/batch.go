package inflight

// A Verdict says what to do with a packet that is about to enter the engine.
type Verdict int

const (
	Admitted  Verdict = iota
	Postponed         // the batch ends before the packet, which belongs to the next one
	Dropped           // the maximum for its destination is waiting already
)

// A Batch is the packets that one call feeds to the engine. One goroutine may use it: it judges the packets one
// after the other, takes those that were admitted, and finally has them enter.
type Batch struct {
	outbound *Outbound
	now      moment // when the first packet was judged; 0 before that
	taken    []taken
	probing  bool // it holds a packet that may have to wait

	last        judged // the latest packet
	destination Destination
	cached      bool // more packets to the same destination get the same verdict
}

// judged is a packet's flow, and whether that was flowing when the packet was judged.
type judged struct {
	flow    *flow
	flowing bool
}

// taken is a packet of the batch.
type taken struct {
	judged
	ecn ECN
}

// NewBatch returns an empty batch for packets that enter through o, which may be nil.
func NewBatch(o *Outbound) *Batch { return &Batch{outbound: o} }

// Begin empties the batch.
func (b *Batch) Begin() {
	b.taken, b.probing, b.cached, b.now = b.taken[:0], false, false, 0
}

// Judge decides by its destination what to do with the next packet.
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
	b.outbound.uncount(f)
	switch {
	case !b.outbound.mayWait(f, b.now):
		return Dropped
	case b.probing:
		return Postponed
	}
	return Admitted
}

// Take adds the packet that Judge has just admitted. ecn is its mark.
func (b *Batch) Take(ecn ECN) {
	if b.outbound == nil {
		return
	}
	b.taken = append(b.taken, taken{b.last, ecn})
	b.probing = b.probing || !b.last.flowing
}

// Enter counts the batch as fed to the engine, recognising each packet by the address of its first byte.
// sizes holds their lengths in bytes.
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
		o.enter(packets[i], sizes[i], packet.ecn, 0, packet.flow, packet.flowing, b.now)
		if !packet.flowing {
			o.setWaiting(packet.flow, min(packet.flow.inside(), maxStaged))
		}
	}
}

// flowTo returns the flow to a destination.
func (o *Outbound) flowTo(destination Destination) *flow {
	found, evicted := o.known.get(destination)
	if evicted != nil {
		o.uncount(evicted)
		o.setWaiting(evicted, 0)
	}
	return found
}

// mayWait reports whether another packet of a flow that is not flowing may enter, and wait in the engine.
func (o *Outbound) mayWait(f *flow, now moment) bool {
	if f.flowedRecently(now) {
		return true // The processor is busy, or the session has just ended.
	}
	if o.waiting >= maxWaiting {
		o.known.evictExpired(now, func(expired *flow) { o.setWaiting(expired, 0) })
	}
	pause := now.since(f.lastIn)
	switch {
	case f.refused, f.waiting >= maxStaged:
		// One may try from time to time: the destination may get a peer, or the peer may answer. The engine
		// drops the oldest of the packets that wait, so that the newest are sent once it answers.
		return pause >= stallTimeout
	case f.waiting > 0 && o.waiting >= maxWaiting:
		return pause >= scarceInterval
	}
	return true
}

// recount updates the sums after the engine has dropped packets of a flow.
func (o *Outbound) recount(f *flow) {
	if f.counted > 0 {
		o.count(f)
	}
	o.setWaiting(f, min(f.inside(), f.waiting))
}
