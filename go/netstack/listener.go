package netstack

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	// minBacklog and maxBacklog bound how many connections wait to be accepted. With as many handshakes under way, the stack
	// answers SYN with a cookie and forgets it: the connection then has no window scaling, and a late segment of one that has
	// ended can begin another. If the queue is full when its ACK comes, the stack forgets the connection, which the other end
	// takes for open. What that sends is ignored if it is marked to be pushed (PSH). No option prevents any of this, so there
	// is room for more handshakes than come at once, whatever the caller says.
	minBacklog = 4096
	maxBacklog = 65535
)

// A Listener accepts TCP connections that come through the tunnel. All methods may be called concurrently.
type Listener struct {
	device    *Device
	endpoint  tcpip.Endpoint
	queue     *waiter.Queue
	protocol  tcpip.NetworkProtocolNumber
	local     netip.AddrPort
	accepting sync.Mutex // held by the one call that waits
	ready     signal
	closed    atomic.Bool
}

var _ net.Listener = (*Listener)(nil)

// ListenTCP listens on local, which is one of the tunnel's addresses, or the unspecified one. [::] and an invalid
// address stand for all addresses, 0.0.0.0 for those of IPv4. For port 0 the stack chooses one that nothing uses; for
// another one only another listener is in the way, not the connections that an earlier one has accepted. About backlog
// connections wait to be accepted, at least 4096 and at most 65535.
func (d *Device) ListenTCP(local netip.AddrPort, backlog int) (*Listener, error) {
	local = unmap(local)
	protocol := protocolOf(local.Addr())
	if err := cmp.Or(d.usable(context.Background()), d.bindable(local.Addr())); err != nil {
		return nil, opError("listen", "tcp", nil, tcpAddress(local), err)
	}
	l := &Listener{device: d, queue: new(waiter.Queue), protocol: protocol}
	if err := l.listen(local, backlog); err != nil {
		return nil, err
	}
	l.ready.register(l.queue, waiter.ReadableEvents)
	return l, nil
}

// listen makes the endpoint, which then listens.
func (l *Listener) listen(local netip.AddrPort, backlog int) error {
	listening := &l.device.listening
	listening.mu.Lock()
	defer listening.mu.Unlock()
	if listening.conflictsWith(local) {
		return failure("bind", "tcp", nil, tcpAddress(local), new(tcpip.ErrPortInUse))
	}
	endpoint, err := l.device.stack.NewEndpoint(tcp.ProtocolNumber, l.protocol, l.queue)
	if err != nil {
		return failure("socket", "tcp", nil, tcpAddress(local), err)
	}
	// The connections inherit it. So those that are open or in TIME-WAIT are not in the way of the next listener.
	endpoint.SocketOptions().SetReuseAddress(true)
	operation := "bind"
	if err = endpoint.Bind(toFullAddress(local)); err == nil {
		operation, err = "listen", endpoint.Listen(min(max(backlog, minBacklog), maxBacklog))
	}
	if err != nil {
		endpoint.Close()
		return failure(operation, "tcp", nil, tcpAddress(local), err)
	}
	l.endpoint = endpoint
	if bound, err := endpoint.GetLocalAddress(); err == nil {
		l.local = fromStack(bound, l.protocol)
	}
	listening.add(l.local)
	return nil
}

// Accept waits for a connection, a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// AcceptTCP waits for a connection. It returns net.ErrClosed once the listener or the device is closed.
func (l *Listener) AcceptTCP() (*Conn, error) {
	l.accepting.Lock()
	defer l.accepting.Unlock()
	for {
		if l.closed.Load() {
			return nil, l.opError("accept", net.ErrClosed)
		}
		endpoint, queue, err := l.endpoint.Accept(nil)
		switch err.(type) {
		case nil:
			return l.device.newConn(endpoint, queue, l.protocol), nil
		case *tcpip.ErrWouldBlock:
			<-l.ready.woken
		default:
			if l.closed.Load() || l.device.isClosed() {
				return nil, l.opError("accept", net.ErrClosed)
			}
			return nil, failure("accept", "tcp", nil, l.Addr(), err)
		}
	}
}

func (l *Listener) opError(operation string, err error) error {
	return opError(operation, "tcp", nil, l.Addr(), err)
}

// Close stops listening, and resets the connections that nobody has accepted.
func (l *Listener) Close() error {
	if l.closed.Swap(true) {
		return l.opError("close", net.ErrClosed)
	}
	l.endpoint.Close()
	l.device.listening.remove(l.local)
	l.ready.NotifyEvent(0)
	l.queue.EventUnregister(&l.ready.entry)
	return nil
}

// Local returns the address on which the listener listens.
func (l *Listener) Local() netip.AddrPort { return l.local }

// Addr returns that address as a *net.TCPAddr.
func (l *Listener) Addr() net.Addr { return tcpAddress(l.local) }
