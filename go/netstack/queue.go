package netstack

import (
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// queueLength is how many packets of the stack may wait for the engine. Each may be 64 KiB long, to be segmented.
// Both shorter and longer queues cost more CPU time for the same bytes.
const queueLength = 64

// A queue holds the packets that the stack has sent and the engine has not read. Senders wait while it is full:
// TCP then slows down, where it would have to send dropped packets again.
type queue struct {
	mu     sync.Mutex
	room   sync.Cond
	ring   [queueLength]*stack.PacketBuffer
	first  int // the index of the oldest packet
	count  int
	closed bool
	ready  chan struct{} // holds a token if the reader should look
	gone   chan struct{} // closed with the queue
}

func newQueue() *queue {
	q := &queue{ready: make(chan struct{}, 1), gone: make(chan struct{})}
	q.room.L = &q.mu
	return q
}

// put adds packets, and returns how many.
func (q *queue) put(packets []*stack.PacketBuffer) (int, tcpip.Error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, packet := range packets {
		for q.count == queueLength && !q.closed {
			q.room.Wait()
		}
		if q.closed {
			return i, &tcpip.ErrClosedForSend{}
		}
		q.ring[(q.first+q.count)%queueLength] = packet.IncRef()
		q.count++
		if q.count == 1 {
			select {
			case q.ready <- struct{}{}:
			default:
			}
		}
	}
	return len(packets), nil
}

// take removes the oldest packet, which is now the caller's. It returns nil if there is none.
func (q *queue) take() *stack.PacketBuffer {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == 0 {
		return nil
	}
	return q.remove()
}

// remove removes the oldest packet of those that there are.
func (q *queue) remove() *stack.PacketBuffer {
	packet := q.ring[q.first]
	q.ring[q.first] = nil
	q.first = (q.first + 1) % queueLength
	q.count--
	q.room.Signal()
	return packet
}

func (q *queue) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count == 0
}

// close discards all packets, and refuses those that are still to come.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	for q.count > 0 {
		q.remove().DecRef()
	}
	close(q.gone)
	q.room.Broadcast()
}
