package netstack

import (
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// A link is the device as the stack sees it.
type link struct {
	queue      *queue
	mtu        atomic.Uint32
	dispatcher stack.NetworkDispatcher
}

var _ stack.LinkEndpoint = (*link)(nil)

func newLink(mtu int) *link {
	l := &link{queue: newQueue()}
	l.mtu.Store(uint32(mtu))
	return l
}

// WritePackets queues packets for the engine.
func (l *link) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	return l.queue.put(packets.AsSlice())
}

func (l *link) MTU() uint32                                  { return l.mtu.Load() }
func (l *link) SetMTU(mtu uint32)                            { l.mtu.Store(mtu) }
func (l *link) MaxHeaderLength() uint16                      { return 0 }
func (l *link) LinkAddress() tcpip.LinkAddress               { return "" }
func (l *link) SetLinkAddress(tcpip.LinkAddress)             {}
func (l *link) Capabilities() stack.LinkEndpointCapabilities { return stack.CapabilityNone }
func (l *link) Attach(dispatcher stack.NetworkDispatcher)    { l.dispatcher = dispatcher }
func (l *link) IsAttached() bool                             { return l.dispatcher != nil }
func (l *link) Wait()                                        {}
func (l *link) ARPHardwareType() header.ARPHardwareType      { return header.ARPHardwareNone }
func (l *link) AddHeader(*stack.PacketBuffer)                {}
func (l *link) ParseHeader(*stack.PacketBuffer) bool         { return true }
func (l *link) Close()                                       {}
func (l *link) SetOnCloseAction(func())                      {}
