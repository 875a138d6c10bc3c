package netstack

import (
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Write delivers the packets that begin at offset in each of bufs to the stack. It returns how many there were.
func (d *Device) Write(bufs [][]byte, offset int) (int, error) {
	for _, buf := range bufs {
		packet := buf[offset:]
		if len(packet) == 0 {
			continue
		}
		protocol := ipv4.ProtocolNumber
		if packet[0]>>4 == 6 {
			protocol = ipv6.ProtocolNumber
		}
		delivered := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
		d.link.dispatcher.DeliverNetworkPacket(protocol, delivered)
		delivered.DecRef()
	}
	return len(bufs), nil
}
