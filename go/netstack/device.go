// Package netstack is a network in this process: a TCP/IP stack (gVisor's) behind the engine, in place of a TUN
// interface and the kernel's stack. It needs no privileges, and nothing outside of the process can see it.
//
// A Device is the engine's tun.Device, and the place to open sockets: connections, listeners, UDP sockets and pings.
// Packets cross in batches. The stack leaves TCP segments whole, and Read cuts them; Write joins them again after it has
// verified their checksums. The errors of all calls wrap the error numbers that the kernel has for them.
package netstack

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	engine "golang.zx2c4.com/wireguard/tun"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"wg-bridge/go/aqm"
	"wg-bridge/go/inet"
	"wg-bridge/go/inflight"
)

const (
	// MinMTU is what IPv6 needs (RFC 8200), MaxMTU what fits in IPv4's length field.
	MinMTU = 1280
	MaxMTU = inet.MaxPacket
)

// Config configures a Device.
type Config struct {
	MTU    int   // bytes, from MinMTU to MaxMTU; the engine carries packets of up to 65,456 bytes
	Memory int64 // bytes that the buffers of all connections may take together; 0 for 256 MiB
	// Outbound counts packets from Read until they leave the engine, Inbound those that leave it by Write. Either
	// may be nil.
	Outbound *inflight.Outbound
	Inbound  *inflight.Inbound
	// AQM keeps the queue of what Write gets short. It may be nil.
	AQM *aqm.Queue
	// Logf logs at verbose level, Errorf logs errors that the engine does not learn about. Either may be nil.
	Logf, Errorf func(format string, arguments ...any)
}

// A Device is the network of a tunnel: for the engine an interface, for others a place to open sockets. All methods
// may be called concurrently, but one goroutine reads.
type Device struct {
	config Config
	stack  *stack.Stack
	link   *link
	budget *budget
	reader *reader
	idle   chan struct{} // is received from while Read finds no packet
	writer *writer
	routes atomic.Pointer[routes]

	listening listening

	mu        sync.Mutex // held while addresses change
	addresses atomic.Pointer[[]netip.Addr]

	eventsMu  sync.Mutex
	events    chan engine.Event // nil once closed
	eventsOut <-chan engine.Event
	closeOnce sync.Once
}

var _ engine.Device = (*Device)(nil)

// New returns a network without addresses and routes.
func New(config Config) (*Device, error) {
	if config.MTU < MinMTU || config.MTU > MaxMTU {
		return nil, mtuError(config.MTU)
	}
	if config.Logf == nil {
		config.Logf = func(string, ...any) {}
	}
	if config.Errorf == nil {
		config.Errorf = func(string, ...any) {}
	}
	if config.Memory == 0 {
		config.Memory = DefaultMemory
	} else if err := checkMemory(config.Memory); err != nil {
		return nil, err
	}
	link := newLink(config.MTU)
	stack, err := newStack(link)
	if err != nil {
		return nil, err
	}
	d := &Device{
		config: config,
		stack:  stack,
		link:   link,
		budget: newBudget(stack, config.Memory, config.MTU),
		reader: &reader{link: link, batch: inflight.NewBatch(config.Outbound), aqm: config.AQM, errorf: config.Errorf},
		idle:   make(chan struct{}),
		events: make(chan engine.Event, maxEvents),
	}
	d.writer = newWriter(newLate(config.AQM, d.deliverLate))
	d.eventsOut = d.events
	d.routes.Store(new(routes))
	d.addresses.Store(new([]netip.Addr))
	d.events <- engine.EventUp
	return d, nil
}

// maxEvents is how many events may wait for the engine.
const maxEvents = 16

func mtuError(mtu int) error {
	return fmt.Errorf("an MTU of %d bytes: choose one from %d to %d: %w", mtu, MinMTU, MaxMTU, syscall.EINVAL)
}

// Stack returns the TCP/IP stack.
func (d *Device) Stack() *stack.Stack { return d.stack }

// SetAddresses replaces the tunnel's addresses. Connections from one that is gone stay, but nothing reaches them any
// more.
func (d *Device) SetAddresses(addresses []netip.Addr) error {
	wanted := make([]netip.Addr, 0, len(addresses))
	for _, address := range addresses {
		address = address.Unmap().WithZone("")
		if !address.IsValid() || address.IsUnspecified() || address.IsMulticast() || address.IsLoopback() {
			return fmt.Errorf("%v cannot be the address of a tunnel: %w", address, syscall.EADDRNOTAVAIL)
		}
		if !slices.Contains(wanted, address) {
			wanted = append(wanted, address)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	before := *d.addresses.Load()
	var errs []error
	for _, address := range before {
		if !slices.Contains(wanted, address) {
			if err := d.stack.RemoveAddress(nic, toStack(address)); err != nil {
				errs = append(errs, fmt.Errorf("removing the address %v: %w", address, Errno(err)))
			}
		}
	}
	for _, address := range wanted {
		if slices.Contains(before, address) {
			continue
		}
		added := tcpip.ProtocolAddress{Protocol: protocolOf(address), AddressWithPrefix: toStack(address).WithPrefix()}
		if err := d.stack.AddProtocolAddress(nic, added, stack.AddressProperties{}); err != nil {
			errs = append(errs, fmt.Errorf("adding the address %v: %w", address, Errno(err)))
		}
	}
	d.addresses.Store(&wanted)
	return errors.Join(errs...)
}

// Addresses returns the tunnel's addresses.
func (d *Device) Addresses() []netip.Addr { return slices.Clone(*d.addresses.Load()) }

func (d *Device) hasAddress(address netip.Addr) bool {
	return slices.Contains(*d.addresses.Load(), address)
}

// bindable returns an error if a socket cannot be bound to an address.
func (d *Device) bindable(local netip.Addr) error {
	if !local.IsValid() || local.IsUnspecified() || d.hasAddress(local) {
		return nil
	}
	return fmt.Errorf("%v is not an address of the tunnel: %w", local, syscall.EADDRNOTAVAIL)
}

// hasFamily reports whether the tunnel has an address of the same family.
func (d *Device) hasFamily(as netip.Addr) bool {
	return slices.ContainsFunc(*d.addresses.Load(), func(a netip.Addr) bool { return a.Is4() == as.Is4() })
}

// SetMTU changes the MTU, in bytes.
func (d *Device) SetMTU(mtu int) error {
	if mtu < MinMTU || mtu > MaxMTU {
		return mtuError(mtu)
	}
	if d.link.mtu.Swap(uint32(mtu)) != uint32(mtu) {
		d.tell(engine.EventMTUUpdate)
	}
	return nil
}

// SetMemory changes the number of bytes that the buffers of all connections may take together. Connections that are open
// give back what they have too much while they carry data.
func (d *Device) SetMemory(bytes int64) error {
	if err := checkMemory(bytes); err != nil {
		return err
	}
	d.budget.setLimit(bytes)
	return nil
}

func checkMemory(bytes int64) error {
	if bytes < MinMemory {
		return fmt.Errorf("%d bytes of memory: choose at least %d: %w", bytes, MinMemory, syscall.EINVAL)
	}
	return nil
}

// tell reports an event to the engine, unless the device is closed. If many wait, it reports none: the engine looks
// at the MTU when it gets to them.
func (d *Device) tell(event engine.Event) {
	d.eventsMu.Lock()
	defer d.eventsMu.Unlock()
	select {
	case d.events <- event:
	default:
	}
}

// File returns nil: there is no file.
func (d *Device) File() *os.File { return nil }

// Name returns a name for logs.
func (d *Device) Name() (string, error) { return "userspace", nil }

// MTU returns the MTU in bytes.
func (d *Device) MTU() (int, error) { return int(d.link.MTU()), nil }

// Events returns the channel of changes. Close closes it.
func (d *Device) Events() <-chan engine.Event { return d.eventsOut }

// BatchSize returns the maximum number of packets that Read returns at once.
func (d *Device) BatchSize() int { return conn.IdealBatchSize }

// AbortAll resets all connections, so that their other ends learn about it, as those of a tunnel that is about to be
// closed. The listeners and the UDP sockets are closed. It returns once the engine has sent what the stack has sent so
// far, unless that has to wait for a peer that does not answer.
func (d *Device) AbortAll() {
	for _, endpoint := range d.stack.RegisteredEndpoints() {
		endpoint.Abort()
	}
	if d.awaitReader() {
		d.config.Outbound.Drain()
	}
}

// readerTimeout bounds the wait for an engine that does not read.
const readerTimeout = time.Second

// awaitReader returns once the engine has taken every packet of the stack and asks for the next one, and reports whether
// it has.
func (d *Device) awaitReader() bool {
	limit := time.NewTimer(readerTimeout)
	defer limit.Stop()
	for {
		select {
		case d.idle <- struct{}{}:
			if d.link.queue.isEmpty() {
				return true
			}
		case <-d.link.queue.gone:
			return false
		case <-limit.C:
			return false
		}
	}
}

func (d *Device) isClosed() bool {
	select {
	case <-d.link.queue.gone:
		return true
	default:
		return false
	}
}

// Close ends all connections without another packet, unblocks Read, and closes the Events channel. See AbortAll.
func (d *Device) Close() error {
	d.closeOnce.Do(func() {
		d.link.queue.close()
		d.budget.close()
		d.writer.late.timer.Stop() // Write may set it once more: deliverLate then finds the device closed.
		d.stack.Close()
		d.eventsMu.Lock()
		close(d.events)
		d.events = nil
		d.eventsMu.Unlock()
	})
	return nil
}
