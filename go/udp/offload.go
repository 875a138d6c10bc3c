package udp

// Offloads are what the kernel may do for many datagrams at once. With neither of them each datagram
// crosses alone.
type Offloads struct {
	Segment bool // UDP_SEGMENT: it cuts what is sent as one; Linux 4.18
	GRO     bool // UDP_GRO: it joins what is received; Linux 5.12
}

// AllOffloads are those that a Bind tries for where the kernel has them.
var AllOffloads = Offloads{Segment: true, GRO: true}
