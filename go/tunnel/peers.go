package tunnel

import (
	"bytes"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/device"

	"wg-bridge/go/netstack"
)

// updateShare is how many times as long as the last update a table stays, if somebody wants to reach a peer without
// endpoint. So many attempts, with many peers, take only a part of a processor.
const updateShare = 10

// peers knows which addresses the peers of a userspace network have, and keeps the network's routes the same. The engine
// would drop packets for others, and for peers without endpoint, without a word.
type peers struct {
	device  *device.Device
	network *netstack.Device

	mu    sync.Mutex // held while the table is made, so that the last one is the newest
	table atomic.Pointer[peerTable]
}

// A peerTable is what the engine knew at one time. It does not change.
type peerTable struct {
	made        time.Time
	took        time.Duration
	hasEndpoint map[netip.Prefix]bool // by allowed IP
	lengths     [2][]int              // of the prefixes of IPv4 and of IPv6, the longest first
}

func newPeers(device *device.Device, network *netstack.Device) *peers {
	p := &peers{device: device, network: network}
	p.table.Store(new(peerTable))
	return p
}

// update asks the engine, and sets the network's routes.
func (p *peers) update() {
	p.mu.Lock()
	defer p.mu.Unlock()
	start := time.Now()
	var answer secretText
	err := p.device.IpcGetOperation(&answer)
	defer func() { clear(answer) }()
	if err != nil {
		return // the device is closed
	}
	table, ranges := readPeers(answer)
	table.made = time.Now()
	table.took = table.made.Sub(start)
	p.table.Store(table)
	p.network.SetRoutes(ranges)
}

// readPeers reads an answer to get: the table, and each allowed IP.
func readPeers(answer []byte) (*peerTable, []netip.Prefix) {
	table := &peerTable{hasEndpoint: make(map[netip.Prefix]bool)}
	var ranges []netip.Prefix
	var seen [2][129]bool
	hasEndpoint := false
	for line := range bytes.Lines(answer) {
		key, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte("="))
		switch string(key) {
		case "public_key":
			hasEndpoint = false
		case "endpoint": // before the peer's allowed IPs
			hasEndpoint = true
		case "allowed_ip":
			prefix, err := netip.ParsePrefix(string(value))
			if err != nil {
				continue // the engine writes none
			}
			ranges = append(ranges, prefix)
			table.hasEndpoint[prefix] = hasEndpoint
			seen[familyIndex(prefix.Addr())][prefix.Bits()] = true
		}
	}
	for family := range seen {
		for length := len(seen[family]) - 1; length >= 0; length-- {
			if seen[family][length] {
				table.lengths[family] = append(table.lengths[family], length)
			}
		}
	}
	return table, ranges
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
	table := p.table.Load()
	prefix, hasEndpoint, found := table.find(address)
	if found && !hasEndpoint && time.Since(table.made) >= updateShare*table.took {
		p.update() // it may have sent something, and then has an endpoint
		prefix, hasEndpoint, found = p.table.Load().find(address)
	}
	if !found || hasEndpoint {
		return nil
	}
	return fmt.Errorf("the peer of %v, whose allowed IPs %v hold it, has no endpoint: set one, or wait until it has connected: %w",
		address, prefix, unix.EHOSTUNREACH)
}
