package netstack

import (
	"time"
	"weak"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// A connection is looked at soon after its end, since most have nothing to wait for and are not to be kept, and then
// less and less often: after these parts of the time after which it is given up.
const (
	soonestPart = 256
	latestPart  = 4
)

// GiveUpAfter resets the connection, also after Close, once the other end has acknowledged nothing of what waits for so
// long, at the latest after twice that. It must be longer than a usual round trip.
//
// The stack's own limit (TCPUserTimeoutOption) is another one: it counts from the first retransmission after which
// something was always under way, however much was acknowledged since. It ends a long upload over a path with losses.
func (c *Conn) GiveUpAfter(limit time.Duration) {
	if !c.givesUp.Swap(true) {
		if endpoint, isTCP := c.endpoint.(*tcp.Endpoint); isTCP {
			watchSilence(weak.Make(endpoint), limit, limit/soonestPart)
		}
	}
}

// watchSilence resets a connection once its retransmission timeout has reached a limit. It looks after a wait, which
// becomes longer each time. The timeout doubles with each retransmission and each probe of a closed window, so it is about
// as long as the silence so far. An acknowledgement of something new makes it short again.
//
// The stack keeps a connection that has something to send. The watch keeps none.
func watchSilence(watched weak.Pointer[tcp.Endpoint], limit, wait time.Duration) {
	time.AfterFunc(wait, func() {
		endpoint := watched.Value()
		if endpoint == nil {
			return
		}
		var info tcpip.TCPInfoOption
		if err := endpoint.GetSockOpt(&info); err != nil {
			return
		}
		switch tcp.EndpointState(info.State) {
		case tcp.StateEstablished, tcp.StateCloseWait, tcp.StateFinWait1, tcp.StateClosing, tcp.StateLastAck:
			if info.RTO < limit {
				watchSilence(watched, limit, min(2*wait, limit/latestPart))
				return
			}
			endpoint.Abort()
		}
	})
}
