package netstack

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/waiter"

	"wg-bridge/go/inet"
)

// echoHeader is the length of the header of an ICMP echo message, in either version.
const echoHeader = header.ICMPv4MinimumSize

// Ping sends one ICMP echo request with size bytes of data, waits for its answer, and returns the time that it took.
// It fails at once if no allowed IP holds remote. The end of ctx ends it, and then wraps ETIMEDOUT or ECANCELED.
func (d *Device) Ping(ctx context.Context, remote netip.Addr, size int) (time.Duration, error) {
	remote = remote.Unmap()
	address := &net.IPAddr{IP: remote.AsSlice(), Zone: remote.Zone()}
	if err := d.reachable(remote); err != nil {
		return 0, opError("ping", "ip", nil, address, err)
	}
	if size < 0 || size > inet.MaxPacket-header.IPv4MinimumSize-echoHeader {
		return 0, opError("ping", "ip", nil, address, os.NewSyscallError("write", syscall.EMSGSIZE))
	}
	request := make([]byte, echoHeader+size)
	transport := icmp.ProtocolNumber4
	request[0] = byte(header.ICMPv4Echo)
	if remote.Is6() {
		transport = icmp.ProtocolNumber6
		request[0] = byte(header.ICMPv6EchoRequest)
	}
	// Random data tells this request's answer from that to an earlier one.
	if _, err := rand.Read(request[echoHeader-2:]); err != nil {
		return 0, opError("ping", "ip", nil, address, err)
	}
	queue := new(waiter.Queue)
	endpoint, err := d.stack.NewEndpoint(transport, protocolOf(remote), queue)
	if err != nil {
		return 0, failure("socket", "ip", nil, address, err)
	}
	defer endpoint.Close()
	var ready signal
	ready.register(queue, waiter.ReadableEvents|waiter.WritableEvents)
	defer queue.EventUnregister(&ready.entry)
	if err := endpoint.Connect(tcpip.FullAddress{NIC: nic, Addr: toStack(remote)}); err != nil {
		return 0, failure("connect", "ip", nil, address, err)
	}
	sequence := binary.BigEndian.Uint16(request[echoHeader-2:])
	answer := make([]byte, len(request))
	start, sent := time.Now(), false
	for {
		if err := d.usable(ctx); err != nil {
			return 0, opError("ping", "ip", nil, address, err)
		}
		var err tcpip.Error
		if sent {
			writer := tcpip.SliceWriter(answer)
			var result tcpip.ReadResult
			result, err = endpoint.Read(&writer, tcpip.ReadOptions{})
			if err == nil {
				if result.Total == len(request) && binary.BigEndian.Uint16(answer[echoHeader-2:]) == sequence &&
					bytes.Equal(answer[echoHeader:], request[echoHeader:]) {
					return time.Since(start), nil
				}
				continue
			}
		} else {
			_, err = endpoint.Write(bytes.NewReader(request), tcpip.WriteOptions{})
			if err == nil {
				sent = true
				continue
			}
		}
		if _, wait := err.(*tcpip.ErrWouldBlock); !wait {
			return 0, failure("ping", "ip", nil, address, err)
		}
		select {
		case <-ready.woken:
		case <-ctx.Done():
		case <-d.link.queue.gone:
		}
	}
}
