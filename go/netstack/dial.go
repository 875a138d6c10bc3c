package netstack

import (
	"cmp"
	"context"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// DialTCP connects to remote, from local unless that is the zero value; either part of local may be zero. It fails
// at once if no allowed IP holds remote. The end of ctx cancels it, and then wraps ETIMEDOUT or ECANCELED.
func (d *Device) DialTCP(ctx context.Context, local, remote netip.AddrPort) (*Conn, error) {
	local, remote = unmap(local), unmap(remote)
	source, address := tcpAddress(local), tcpAddress(remote)
	if err := d.reachable(remote.Addr()); err != nil {
		return nil, opError("dial", "tcp", source, address, err)
	}
	if err := cmp.Or(d.usable(ctx), d.bindable(local.Addr())); err != nil {
		return nil, opError("dial", "tcp", source, address, err)
	}
	protocol := protocolOf(remote.Addr())
	queue := new(waiter.Queue)
	endpoint, err := d.stack.NewEndpoint(tcp.ProtocolNumber, protocol, queue)
	if err != nil {
		return nil, failure("socket", "tcp", source, address, err)
	}
	if local != (netip.AddrPort{}) {
		if err := endpoint.Bind(toFullAddress(local)); err != nil {
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
		case <-ctx.Done():
		case <-d.link.queue.gone:
		}
		if err := d.usable(ctx); err != nil {
			// This also ends a connection that was established meanwhile.
			endpoint.Abort()
			endpoint.Close()
			return nil, opError("dial", "tcp", source, address, err)
		}
		err = endpoint.LastError()
	}
	if err != nil {
		endpoint.Close()
		return nil, failure("connect", "tcp", source, address, err)
	}
	return d.newConn(endpoint, queue, protocol), nil
}

// usable returns an error if a call must end: because of its context, or since the device is closed.
func (d *Device) usable(ctx context.Context) error {
	if d.isClosed() {
		return errDeviceClosed
	}
	if err := ctx.Err(); err != nil {
		return interruption{err}
	}
	return nil
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
