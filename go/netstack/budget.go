package netstack

import (
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const (
	// DefaultMemory is the budget of a Device whose configuration has none.
	DefaultMemory = 256 << 20
	// MinMemory is the smallest budget, in bytes.
	MinMemory = 1 << 20

	// The sizes of a connection's buffers while there is enough memory, in bytes: at its beginning, and at most.
	initialBuffer    = 1 << 20
	maxReceiveBuffer = 8 << 20
	maxSendBuffer    = 6 << 20
	// unseen is how many connections may begin at once before the budget counts them. Their first buffers take no more than
	// their share, however few there have been before.
	unseen = 64
	// minBuffer is the least that a connection gets, however many there are.
	minBuffer = 16 << 10

	// budgetInterval is the time between two divisions of the memory while it is scarce.
	budgetInterval = 250 * time.Millisecond
)

// A budget bounds the memory of all connections' buffers together. While few connections are open, the stack sizes
// their buffers by their round trip times and speeds. While there are so many that all of them could take more than
// the budget, it is divided: one half among all connections, for the buffers with which they begin, and one half
// among those that carry data and grow. A connection that becomes idle gives back what it had grown, and gets it
// again later.
//
// The bound is not strict: a receiver cannot take back what it has allowed the other end to send.
type budget struct {
	stack   *stack.Stack
	limit   atomic.Int64
	minimum int64 // bytes of a buffer: several segments must fit

	mu      sync.Mutex
	divided uint64 // the number of connections that the sizes were computed for
	scarce  bool   // a goroutine divides the memory
	end     chan struct{}
	done    sync.WaitGroup
	closed  bool
}

func newBudget(s *stack.Stack, limit int64, mtu int) *budget {
	b := &budget{stack: s, end: make(chan struct{}), minimum: max(minBuffer, int64(4*min(mtu, maxCarried)))}
	b.limit.Store(limit)
	b.set(b.sizes(0, 0))
	return b
}

// setLimit changes the budget. If it is divided already, the next division takes it into account.
func (b *budget) setLimit(limit int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit.Store(limit)
	b.divided = 0
	if !b.scarce {
		b.set(b.sizes(0, 0))
	}
}

// sizes are those of a connection's buffers.
type sizes struct{ initial, receive, send int64 }

// sizes divides the budget among so many connections, of which some have grown.
func (b *budget) sizes(connections, grown int64) sizes {
	// A connection has two buffers, and half of the budget is for each of both purposes.
	limit := b.limit.Load()
	initial := limit / 4 / max(connections, unseen)
	most := limit / 4 / max(grown, 1)
	s := sizes{initial: min(max(initial, b.minimum), initialBuffer)}
	s.receive = max(s.initial, min(most, maxReceiveBuffer))
	s.send = max(s.initial, min(most, maxSendBuffer))
	return s
}

// set makes sizes those of new connections, and the maxima of all.
func (b *budget) set(s sizes) {
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: int(s.initial), Max: int(s.receive)}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: int(s.initial), Max: int(s.send)}
	// Neither fails: the minimum is below the default, and that not above the maximum.
	_ = b.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &receive)
	_ = b.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &send)
}

// isScarce reports whether so many connections could take more than the budget.
func (b *budget) isScarce(connections uint64) bool {
	return int64(connections)*(maxReceiveBuffer+maxSendBuffer) > b.limit.Load()
}

// look divides the budget if there are more connections than it was divided for. Every batch of packets calls it:
// connections are made by packets.
func (b *budget) look() {
	connections := b.stack.Stats().TCP.CurrentConnected.Value()
	if !b.isScarce(connections) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	if connections > b.divided+b.divided/8 {
		b.divided = connections
		// Those that begin now must not take what is about to be divided.
		b.set(b.sizes(int64(connections), int64(connections)))
	}
	if !b.scarce {
		b.scarce = true
		b.done.Go(b.divide)
	}
}

// A share is what the budget knows about a connection.
type share struct {
	segments uint64 // received or sent when it was last looked at
	receive  int64  // the size to which the stack has let its receive buffer grow
	dropped  uint64 // of those that it has received, since its buffer was full
	active   bool   // segments has changed
	cramped  bool   // it drops what it receives
	seen     bool
}

// look looks at a connection.
func (s *share) look(endpoint *tcp.Endpoint) {
	segments, dropped := segmentsOf(endpoint)
	s.active = segments != s.segments
	if s.active {
		s.cramped = dropped != s.dropped
	}
	s.segments, s.dropped, s.seen = segments, dropped, true
	s.receive = max(s.receive, endpoint.SocketOptions().GetReceiveBufferSize())
}

// divide divides the budget until it is no longer scarce, or the device is closed.
func (b *budget) divide() {
	ticker := time.NewTicker(budgetInterval)
	defer ticker.Stop()
	shares := make(map[*tcp.Endpoint]*share)
	for {
		connections := b.stack.Stats().TCP.CurrentConnected.Value()
		b.redivide(shares)
		b.mu.Lock()
		if !b.isScarce(connections) {
			b.scarce, b.divided = false, 0
			b.mu.Unlock()
			return
		}
		b.divided = connections
		b.mu.Unlock()
		select {
		case <-ticker.C:
		case <-b.end:
			return
		}
	}
}

// redivide computes all sizes anew.
func (b *budget) redivide(shares map[*tcp.Endpoint]*share) {
	open, active := int64(0), int64(0)
	for _, registered := range b.stack.RegisteredEndpoints() {
		endpoint, isTCP := registered.(*tcp.Endpoint)
		if !isTCP || !isOpen(endpoint) {
			continue
		}
		one := shares[endpoint]
		if one == nil {
			one = new(share)
			shares[endpoint] = one
		}
		one.look(endpoint)
		if open++; one.active {
			active++
		}
	}
	s := b.sizes(open, active)
	if !b.isScarce(uint64(open)) {
		s = b.sizes(0, 0)
	}
	b.set(s)
	for endpoint, one := range shares {
		if !one.seen {
			delete(shares, endpoint)
			continue
		}
		one.seen = false
		receive, send := s.initial, s.initial
		if one.active {
			receive, send = min(max(one.receive, s.initial), s.receive), s.send
		}
		if one.cramped {
			// It had become idle because a segment was lost, and the buffer that was left is full of those that came after
			// it. So it would drop the lost one for ever.
			receive = max(one.receive, s.initial)
		}
		resize(endpoint, receive, send)
	}
}

// resize sets the size of a connection's receive buffer, and the maximum of its send buffer. The stack goes on changing
// them by itself.
func resize(endpoint *tcp.Endpoint, receive, send int64) {
	options := endpoint.SocketOptions()
	endpoint.LockUser() // Otherwise the stack could be about to set a size that it computed with an earlier maximum.
	if options.GetSendBufferSize() > send {
		options.SetSendBufferSize(send, false)
	}
	endpoint.UnlockUser()
	// The stack wakes writers when what is unsent falls below half of the buffer, and below half of the maximum. So if the
	// maximum shrinks while they wait for room in a larger buffer, it never does.
	endpoint.WakeupWriters()
	// Once the window is closed the stack opens it again for what is read, not for a buffer that grows. So its size
	// changes only while the window is open.
	before := options.GetReceiveBufferSize()
	used, err := endpoint.GetSockOptInt(tcpip.ReceiveQueueSizeOption)
	if err == nil && before != receive && int64(used) <= min(before, receive)/4 {
		options.SetReceiveBufferSize(receive, false)
	}
}

// isOpen reports whether an endpoint is a connection that has buffers.
func isOpen(endpoint *tcp.Endpoint) bool {
	switch endpoint.EndpointState() {
	case tcp.StateEstablished, tcp.StateFinWait1, tcp.StateFinWait2, tcp.StateCloseWait, tcp.StateLastAck, tcp.StateClosing:
		return true
	}
	return false
}

// segmentsOf returns how many segments a connection has sent and received, and how many of these it has dropped since its
// buffer was full.
func segmentsOf(endpoint *tcp.Endpoint) (segments, dropped uint64) {
	stats, ok := endpoint.Stats().(*tcp.Stats)
	if !ok {
		return 0, 0
	}
	return stats.SegmentsReceived.Value() + stats.SegmentsSent.Value(), stats.ReceiveErrors.SegmentQueueDropped.Value()
}

// close ends the division.
func (b *budget) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	close(b.end)
	b.done.Wait()
}
