package udp

// mostEndpoints bounds how many peers can send in turn without a new endpoint for each datagram, which
// costs an allocation, and a question about its route once it is answered. They take about a MiB.
const mostEndpoints = 8192

// An endpointCache is the endpoints that datagrams came from lately, for one goroutine.
//
// An endpoint in use is not changed here, but replaced by another: the datagram that says something
// new is not authenticated yet.
type endpointCache map[sockaddr]*Endpoint

// endpoint is the known one of a sender, whose address has length bytes, if it says the same, and
// otherwise a new one. Whoever sends from many addresses makes the cache begin anew and anew, which
// costs allocations, but no memory.
func (c endpointCache) endpoint(sender *sockaddr, length uint32, from source) *Endpoint {
	if known, found := c[*sender]; found {
		if learnt := known.source.Load(); learnt != nil && *learnt == from {
			return known
		}
	}
	e := &Endpoint{}
	e.destination, e.ifindex = decodeSockaddr(sender, length)
	if !from.address.IsValid() || from.address.IsUnspecified() || !e.destination.IsValid() {
		return e
	}
	learnt := from // Its own variable, as one that is pointed at is allocated.
	e.source.Store(&learnt)
	if len(c) >= mostEndpoints {
		clear(c)
	}
	c[*sender] = e
	return e
}
