package netstack

import (
	"fmt"
	"time"

	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const (
	// timeWait is how long the end that closes a connection first remembers it, with 6.5 KiB and its ports. The kernel does
	// for a minute, against old segments that are still on their way. Here the engine delivers no packet twice, and a new
	// connection on the same ports begins with a higher sequence number than the old one (RFC 6528). If the last ACK is
	// lost, the other end asks for it about five times in ten seconds, and each time those begin again. If it asks later,
	// it gets RST, but had all bytes before.
	timeWait = 10 * time.Second
	// synRetries is how often SYN is repeated: for 31 seconds.
	synRetries = 4
	// datagramBuffer is how many bytes of datagrams a UDP socket keeps for its reader, and its sender ahead.
	datagramBuffer = 256 << 10
)

// quiet discards what the stack logs. It would go to the standard error of a program that is not ours, and name the
// addresses to which others connect.
type quiet struct{}

func (quiet) Emit(int, log.Level, time.Time, string, ...any) {}

func init() { log.SetTarget(quiet{}) }

// newStack returns a stack whose only interface is the link. There is no loopback interface and no forwarding, so
// packets to 127.0.0.1, ::1 and foreign addresses go nowhere.
func newStack(link *link) (*stack.Stack, error) {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
		HandleLocal:        true, // the tunnel's own addresses reach what listens on them
	})
	if err := configure(s, link); err != nil {
		s.Destroy()
		return nil, fmt.Errorf("making the userspace network: %v: %w", err, Errno(err))
	}
	return s, nil
}

func configure(s *stack.Stack, link *link) tcpip.Error {
	// Most are the stack's defaults. They are set all the same, since a newer stack may have others: CUBIC, for
	// example, was several times slower than Reno behind 40 ms.
	//
	// RACK is off: with it the end of a stream can stay unsent for ever. A loss recovery that ends may leave the stack
	// with a count of 0 segments under way, though the last ones are. With RACK it then sends one tail loss probe in place
	// of the retransmission timer, and starts that timer again only if the count is above 0. So if the probe is lost as
	// well, no timer is left. Without RACK, the timer never stops before everything is acknowledged. What RACK does for
	// segments that are late, late does.
	congestion, recovery, sack := tcpip.CongestionControlOption("reno"), tcpip.TCPRecovery(0), tcpip.TCPSACKEnabled(true)
	moderate, delay := tcpip.TCPModerateReceiveBufferOption(true), tcpip.TCPDelayEnabled(false)
	wait, reuse := tcpip.TCPTimeWaitTimeoutOption(timeWait), tcpip.TCPTimeWaitReuseGlobal
	retries := tcpip.TCPSynRetriesOption(synRetries)
	for _, option := range []tcpip.SettableTransportProtocolOption{
		&congestion, &recovery, &sack, &moderate, &delay, &wait, &reuse, &retries,
	} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return err
		}
	}
	for _, option := range []any{
		tcpip.ReceiveBufferSizeOption{Min: stack.MinBufferSize, Default: datagramBuffer, Max: datagramBuffer},
		tcpip.SendBufferSizeOption{Min: stack.MinBufferSize, Default: datagramBuffer, Max: datagramBuffer},
	} {
		if err := s.SetOption(option); err != nil {
			return err
		}
	}
	if err := s.CreateNIC(nic, link); err != nil {
		return err
	}
	// Which targets there are is decided before: see reachable. The stack's own table is searched one by one.
	s.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nic},
		{Destination: header.IPv6EmptySubnet, NIC: nic},
	})
	return nil
}
