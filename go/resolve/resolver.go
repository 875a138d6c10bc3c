// Package resolve looks up host names at the DNS servers of a tunnel, through the tunnel.
//
// It is strict: no name is ever asked of this machine's resolver, and /etc/hosts and /etc/resolv.conf are not read.
// Without servers every name is an error. All it can reach is the Network that it is given.
package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A Network reaches the hosts in the tunnel.
type Network interface {
	DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error)
	// BindUDP opens a socket. If the address is unspecified or the port is 0, the network chooses. The error wraps
	// EADDRINUSE if the port is taken.
	BindUDP(local netip.AddrPort) (PacketConn, error)
}

// A PacketConn is a UDP socket that is not connected. Close wakes its reader.
type PacketConn interface {
	ReadFromAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToAddrPort([]byte, netip.AddrPort) (int, error)
	LocalAddrPort() netip.AddrPort
	SetReadDeadline(time.Time) error
	Close() error
}

// Family says which addresses of a name are asked for.
type Family int

// The families. Any is both, and asks for both at the same time.
const (
	Any  Family = 0
	IPv4 Family = 4
	IPv6 Family = 6
)

// otherFamilyPatience is how long a lookup that has addresses of one family waits for the other's: servers and
// firewalls exist that never answer questions for AAAA records.
const otherFamilyPatience = time.Second

// Config is what New needs.
type Config struct {
	Servers []netip.Addr // asked in this order
	Search  []string     // domains in which names without a dot are looked for
	Network Network
	Logf    func(format string, arguments ...any) // verbose: it names what is looked up; nil logs nothing
}

// A Resolver looks up names. It may be used from several goroutines.
type Resolver struct {
	network Network
	logf    func(string, ...any)
	stats   struct{ lookups, failures, hits, queries atomic.Uint64 }
	reasons reasonCounts

	mu      sync.Mutex
	servers []netip.Addr
	search  []string
	cache   *cache
	flights map[key]*flight
}

// Stats counts since New.
type Stats struct {
	Lookups  uint64 // calls of Lookup for a name
	Failures uint64 // of them, those that returned an error
	Hits     uint64 // questions that the cache answered
	Queries  uint64 // messages sent to servers
	Reasons  Reasons
}

// New returns a Resolver.
func New(config Config) *Resolver {
	r := &Resolver{network: config.Network, logf: config.Logf}
	if r.logf == nil {
		r.logf = func(string, ...any) {}
	}
	r.Configure(config.Servers, config.Search)
	return r
}

// Configure replaces the servers and the search domains, and forgets all answers. A lookup that is under way ends
// with the servers that it began with.
func (r *Resolver) Configure(servers []netip.Addr, search []string) {
	unmapped := make([]netip.Addr, len(servers))
	for i, server := range servers {
		unmapped[i] = server.Unmap()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.servers, r.search = unmapped, slices.Clone(search)
	r.cache, r.flights = newCache(), map[key]*flight{}
}

// Stats returns the counters.
func (r *Resolver) Stats() Stats {
	return Stats{
		Lookups:  r.stats.lookups.Load(),
		Failures: r.stats.failures.Load(),
		Hits:     r.stats.hits.Load(),
		Queries:  r.stats.queries.Load(),
		Reasons:  r.reasons.read(),
	}
}

// Lookup returns the addresses of a name, those of IPv6 first, each family in its server's order. An address is
// returned as it is, and nobody is asked. The error is an *Error.
func (r *Resolver) Lookup(ctx context.Context, name string, family Family) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(name); err == nil {
		return literal(name, address, family)
	}
	r.stats.lookups.Add(1)
	addresses, err := r.lookup(ctx, name, family)
	if err != nil {
		r.stats.failures.Add(1)
		r.reasons.count(err)
		r.logf("%v", err)
		return nil, err
	}
	return slices.Clone(addresses), nil // The cache keeps its own.
}

func literal(name string, address netip.Addr, family Family) ([]netip.Addr, error) {
	address = address.Unmap()
	switch {
	case address.Zone() != "":
		return nil, notFound(name, "the address has a zone, and a tunnel has no links to choose from")
	case family == IPv4 && !address.Is4():
		return nil, notFound(name, "it is not an IPv4 address")
	case family == IPv6 && !address.Is6():
		return nil, notFound(name, "it is not an IPv6 address")
	}
	return []netip.Addr{address}, nil
}

func (r *Resolver) lookup(ctx context.Context, name string, family Family) ([]netip.Addr, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	r.mu.Lock()
	servers, search := r.servers, r.search
	r.mu.Unlock()
	if len(servers) == 0 {
		return nil, &Error{Code: NotFound, Name: name, Err: errNoServer, Reason: errNoServer.Error()}
	}
	var absences []string
	for _, candidate := range candidates(name, search) {
		found := r.families(ctx, candidate, family)
		if len(found.addresses) > 0 {
			return found.addresses, nil
		}
		if found.err != nil {
			return nil, &Error{Code: found.code, Name: name, Reason: found.err.Error(), Err: found.err}
		}
		// Only if servers say that a name has no addresses may the next one be meant: if they are silent, what a name
		// means must not depend on it.
		if !slices.Contains(absences, found.absence) {
			absences = append(absences, found.absence)
		}
	}
	return nil, notFound(name, "%s", strings.Join(absences, "; "))
}

// An outcome is what is known about a candidate: one of addresses, absence and err.
type outcome struct {
	addresses []netip.Addr
	absence   string
	err       error
	code      string // of err
}

// families asks for the addresses of one candidate, of both families at once.
func (r *Resolver) families(ctx context.Context, name string, family Family) outcome {
	switch family {
	case IPv4:
		return r.find(ctx, key{name, dnsmessage.TypeA})
	case IPv6:
		return r.find(ctx, key{name, dnsmessage.TypeAAAA})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kinds := [2]dnsmessage.Type{dnsmessage.TypeAAAA, dnsmessage.TypeA}
	type numbered struct {
		index int
		outcome
	}
	arrived := make(chan numbered, len(kinds))
	for index, kind := range kinds {
		go func() { arrived <- numbered{index, r.find(ctx, key{name, kind})} }()
	}
	var outcomes [2]outcome
	first := <-arrived
	outcomes[first.index] = first.outcome
	if len(first.addresses) > 0 {
		patience := time.NewTimer(otherFamilyPatience)
		defer patience.Stop()
		select {
		case second := <-arrived:
			outcomes[second.index] = second.outcome
		case <-patience.C:
		}
	} else {
		second := <-arrived
		outcomes[second.index] = second.outcome
	}
	return merge(outcomes[0], outcomes[1])
}

// merge puts what is known about both families together. Addresses of one are enough. Without any, a server's silence
// about one family weighs more than its word that the other is absent.
func merge(six, four outcome) outcome {
	if addresses := slices.Concat(six.addresses, four.addresses); len(addresses) > 0 {
		return outcome{addresses: addresses}
	}
	if four.err != nil {
		return four
	}
	if six.err != nil {
		return six
	}
	if six.absence != four.absence && four.absence != nameError {
		return outcome{absence: "it has neither IPv4 nor IPv6 addresses"}
	}
	return four
}

// The reasons of absences.
const nameError = "the name does not exist"

func noAddresses(kind dnsmessage.Type) string {
	if kind == dnsmessage.TypeA {
		return "it has no IPv4 addresses"
	}
	return "it has no IPv6 addresses"
}

// find returns what the cache holds, or asks. Callers that ask the same at the same time share one question.
func (r *Resolver) find(ctx context.Context, key key) outcome {
	r.mu.Lock()
	if known, exists := r.cache.get(key, time.Now()); exists {
		r.mu.Unlock()
		r.stats.hits.Add(1)
		return outcome{addresses: known.addresses, absence: known.absence}
	}
	shared, exists := r.flights[key]
	if exists {
		shared.waiters++
	} else {
		shared = r.depart(key)
	}
	r.mu.Unlock()

	select {
	case <-shared.done:
		return shared.outcome
	case <-ctx.Done():
		r.leave(shared)
		cause := context.Cause(ctx)
		if errors.Is(cause, context.DeadlineExceeded) {
			cause = errLate
		}
		return outcome{err: cause, code: TryAgain}
	}
}

// errLate says that the caller's own limit of time was reached.
var errLate = lateError{}

type lateError struct{}

func (lateError) Error() string { return "no DNS server answered before the time limit" }

func (lateError) Unwrap() error { return context.DeadlineExceeded }

func (lateError) Timeout() bool { return true }
