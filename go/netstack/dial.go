package netstack

import (
	"context"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// DialTCP connects to remote, from local unless that is the zero value; either part of local may be zero. It fails
// at once if no allowed IP holds remote. The end of ctx cancels it, and then wraps ETIMEDOUT or ECANCELED.
func (d *Device) DialTCP(ctx context.Context, local, remote netip.AddrPort) (*Conn, error) {
	remote = unmap(remote)
	source, address := tcpAddress(local), tcpAddress(remote)
	if err := d.reachable(remote.Addr()); err != nil {
		return nil, opError("dial", "tcp", source, address, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, opError("dial", "tcp", source, address, interruption{err})
	}
	protocol := protocolOf(remote.Addr())
	queue := new(waiter.Queue)
	endpoint, err := d.stack.NewEndpoint(tcp.ProtocolNumber, protocol, queue)
	if err != nil {
		return nil, failure("socket", "tcp", source, address, err)
	}
	if local != (netip.AddrPort{}) {
		if err := endpoint.Bind(toFullAddress(unmap(local))); err != nil {
			endpoint.Close()
			return nil, failure("bind", "tcp", source, address, err)
		}
	}
	var connected signal
	connected.register(queue, waiter.WritableEvents)
	defer queue.EventUnregister(&connected.entry)
	err = endpoint.Connect(toFullAddress(remote))
	if _, started := err.(*tcpip.ErrConnectStarted); started {
		select {
		case <-connected.woken:
			err = endpoint.LastError()
		case <-ctx.Done():
			// This also ends a connection that was established meanwhile.
			endpoint.Abort()
			endpoint.Close()
			return nil, opError("dial", "tcp", source, address, interruption{ctx.Err()})
		}
	}
	if err != nil {
		endpoint.Close()
		return nil, failure("connect", "tcp", source, address, err)
	}
	return newConn(endpoint, queue, protocol), nil
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
