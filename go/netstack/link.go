package netstack

import (
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"wg-bridge/go/inet"
)

// maxCarried is the length in bytes of the longest packet that the engine can send: what fits, padded to a multiple
// of 16 and with the engine's 32 bytes around it, into a UDP datagram over IPv4 and into the engine's buffers.
const maxCarried = 65456

// A link is the device as the stack sees it. It leaves segmentation and the checksums of segments to us.
type link struct {
	queue      *queue
	mtu        atomic.Uint32
	verified   atomic.Bool // the checksums of the packet that is being delivered
	dispatcher stack.NetworkDispatcher
}

var (
	_ stack.LinkEndpoint = (*link)(nil)
	_ stack.GSOEndpoint  = (*link)(nil)
)

func newLink(mtu int) *link {
	l := &link{queue: newQueue()}
	l.mtu.Store(uint32(mtu))
	return l
}

// WritePackets queues packets for the engine, and waits while there is no room.
func (l *link) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	return l.queue.put(packets.AsSlice())
}

// deliver delivers a packet to the stack. verified says that its checksums are right.
func (l *link) deliver(bytes buffer.Buffer, version byte, verified bool) {
	protocol := ipv4.ProtocolNumber
	if version == 6 {
		protocol = ipv6.ProtocolNumber
	}
	packet := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: bytes})
	l.verified.Store(verified)
	l.dispatcher.DeliverNetworkPacket(protocol, packet)
	packet.DecRef()
}

// MTU returns the length of the longest packet that the stack may send.
func (l *link) MTU() uint32 { return min(l.mtu.Load(), maxCarried) }

// Capabilities reports whether the stack need not verify the packet that is being delivered. The stack asks for each
// packet, and overwrites what the packet itself says.
func (l *link) Capabilities() stack.LinkEndpointCapabilities {
	if l.verified.Load() {
		return stack.CapabilityRXChecksumOffload
	}
	return stack.CapabilityNone
}

func (l *link) GSOMaxSize() uint32                        { return inet.MaxPacket }
func (l *link) SupportedGSO() stack.SupportedGSO          { return stack.HostGSOSupported }
func (l *link) SetMTU(mtu uint32)                         { l.mtu.Store(mtu) }
func (l *link) MaxHeaderLength() uint16                   { return 0 }
func (l *link) LinkAddress() tcpip.LinkAddress            { return "" }
func (l *link) SetLinkAddress(tcpip.LinkAddress)          {}
func (l *link) Attach(dispatcher stack.NetworkDispatcher) { l.dispatcher = dispatcher }
func (l *link) IsAttached() bool                          { return l.dispatcher != nil }
func (l *link) Wait()                                     {}
func (l *link) ARPHardwareType() header.ARPHardwareType   { return header.ARPHardwareNone }
func (l *link) AddHeader(*stack.PacketBuffer)             {}
func (l *link) ParseHeader(*stack.PacketBuffer) bool      { return true }
func (l *link) Close()                                    {}
func (l *link) SetOnCloseAction(func())                   {}
