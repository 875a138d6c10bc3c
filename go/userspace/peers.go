package userspace

import (
	"bytes"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/netstack"
	"wg-bridge/go/tunnel"
)

// peers knows which addresses the peers of a userspace network have, and keeps the network's routes the same. The engine
// would drop packets for others, and for peers without endpoint, without a word.
type peers struct {
	network *netstack.Device
	tunnel  *tunnel.Tunnel // set before anybody can configure it

	mu    sync.Mutex // held while the table is made, so that the last one is the newest
	table atomic.Pointer[peerTable]
}

// A peerTable is what the engine knew at one time. It does not change.
type peerTable struct {
	begun       time.Time
	hasEndpoint map[netip.Prefix]bool // by allowed IP
	lengths     [2][]int              // of the prefixes of IPv4 and of IPv6, the longest first
}

func newPeers(network *netstack.Device) *peers {
	p := &peers{network: network}
	p.table.Store(new(peerTable))
	return p
}

// update makes a table of what the engine knows now, and sets the network's routes. All who wait for it at the same time
// share one.
func (p *peers) update() {
	asked := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.table.Load().begun.After(asked) {
		return
	}
	begun := time.Now()
	var reader peerReader
	if err := p.tunnel.ReadConfiguration(reader.read); err != nil {
		return // the tunnel has ended
	}
	table, ranges := reader.finish()
	table.begun = begun
	p.table.Store(table)
	p.network.SetRoutes(ranges)
}

// A peerReader reads the lines of the engine's configuration.
type peerReader struct {
	table       peerTable
	ranges      []netip.Prefix // each allowed IP
	seen        [2][129]bool   // which lengths they have, of IPv4 and of IPv6
	hasEndpoint bool           // of the latest peer
}

func (r *peerReader) read(line []byte) {
	key, value, _ := bytes.Cut(line, []byte("="))
	switch string(key) {
	case "public_key":
		r.hasEndpoint = false
	case "endpoint": // before the peer's allowed IPs
		r.hasEndpoint = true
	case "allowed_ip":
		prefix, err := netip.ParsePrefix(string(value))
		if err != nil {
			return // the engine writes none
		}
		if r.table.hasEndpoint == nil {
			r.table.hasEndpoint = make(map[netip.Prefix]bool)
		}
		r.ranges = append(r.ranges, prefix)
		r.table.hasEndpoint[prefix] = r.hasEndpoint
		r.seen[familyIndex(prefix.Addr())][prefix.Bits()] = true
	}
}

// finish returns the table, and each allowed IP.
func (r *peerReader) finish() (*peerTable, []netip.Prefix) {
	for family := range r.seen {
		for length := len(r.seen[family]) - 1; length >= 0; length-- {
			if r.seen[family][length] {
				r.table.lengths[family] = append(r.table.lengths[family], length)
			}
		}
	}
	return &r.table, r.ranges
}

func familyIndex(address netip.Addr) int {
	if address.Is4() {
		return 0
	}
	return 1
}

// find returns the longest allowed IP that holds an address.
func (t *peerTable) find(address netip.Addr) (prefix netip.Prefix, hasEndpoint, found bool) {
	for _, length := range t.lengths[familyIndex(address)] {
		prefix, err := address.Prefix(length)
		if err != nil {
			continue
		}
		if hasEndpoint, found := t.hasEndpoint[prefix]; found {
			return prefix, hasEndpoint, true
		}
	}
	return netip.Prefix{}, false, false
}

// reachable returns an error that wraps EHOSTUNREACH if the peer of an address has no endpoint. An address without a peer
// is the network's to refuse.
func (p *peers) reachable(address netip.Addr) error {
	address = address.Unmap()
	prefix, hasEndpoint, found := p.table.Load().find(address)
	if found && !hasEndpoint {
		p.update() // it may have sent something since, and then has an endpoint
		prefix, hasEndpoint, found = p.table.Load().find(address)
	}
	if !found || hasEndpoint {
		return nil
	}
	return fmt.Errorf("the peer of %v, whose allowed IPs %v hold it, has no endpoint: set one, or wait until it has connected: %w",
		address, prefix, unix.EHOSTUNREACH)
}
