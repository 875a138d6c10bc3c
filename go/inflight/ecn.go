package inflight

// ECN is the field of an IP header by which routers report congestion (RFC 3168). The engine carries
// packets, not their marks: those of the packet inside and of the datagram outside meet here.
type ECN uint8

const (
	NotECT    ECN = 0 // the transport does not support it
	Congested ECN = 3 // CE: a router has marked the packet instead of dropping it
)
