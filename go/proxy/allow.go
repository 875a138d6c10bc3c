package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"wg-bridge/go/resolve"
)

// ErrNotAllowed is wrapped by the errors for targets that clients may not reach.
var ErrNotAllowed = errors.New("this proxy's list of allowed targets does not have it")

// Allowed are the targets that clients may reach. It may be changed while proxies use it. The zero value and nil allow
// every target.
type Allowed struct{ rules atomic.Pointer[rules] }

type rules struct {
	prefixes []netip.Prefix
	names    map[string]bool // in lower case
	domains  []string        // ".example.org" for the names below it
}

// Set replaces what is allowed: prefixes, names, and "*.example.org" for the names below one. Without an entry nothing
// is allowed. If one is wrong, it changes nothing.
func (a *Allowed) Set(entries []string) error {
	set := &rules{names: map[string]bool{}}
	for _, entry := range entries {
		if prefix, err := netip.ParsePrefix(entry); err == nil {
			set.prefixes = append(set.prefixes, prefix.Masked())
			continue
		}
		domain, isWildcard := strings.CutPrefix(entry, "*.")
		name := plainName(domain)
		switch {
		case name == "" || strings.ContainsAny(name, "*/: "):
			return fmt.Errorf("%q is neither a prefix nor a name", entry)
		case isWildcard:
			set.domains = append(set.domains, "."+name)
		default:
			set.names[name] = true
		}
	}
	a.rules.Store(set)
	return nil
}

// SetAll allows every target.
func (a *Allowed) SetAll() { a.rules.Store(nil) }

func (a *Allowed) current() *rules {
	if a == nil {
		return nil
	}
	return a.rules.Load()
}

// plainName returns a name as names are compared.
func plainName(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

func (r *rules) hasName(name string) bool {
	plain := plainName(name)
	return r == nil || r.names[plain] ||
		slices.ContainsFunc(r.domains, func(domain string) bool { return strings.HasSuffix(plain, domain) })
}

func (r *rules) hasAddress(address netip.Addr) bool {
	return r == nil ||
		slices.ContainsFunc(r.prefixes, func(prefix netip.Prefix) bool { return prefix.Contains(address.Unmap()) })
}

// CheckAddress returns an error that wraps ErrNotAllowed if clients may not reach an address.
func (a *Allowed) CheckAddress(address netip.Addr) error {
	if a.current().hasAddress(address) {
		return nil
	}
	return fmt.Errorf("%v: %w", address, ErrNotAllowed)
}

// lookup returns the addresses of a name that clients may reach: all, if the name is allowed. A name that cannot be
// allowed by its addresses either is not looked up.
func (a *Allowed) lookup(
	ctx context.Context, resolver Resolver, name string, family resolve.Family,
) ([]netip.Addr, error) {
	rules := a.current()
	if rules.hasName(name) {
		return resolver.Lookup(ctx, name, family)
	}
	if len(rules.prefixes) == 0 {
		return nil, fmt.Errorf("%q: %w", name, ErrNotAllowed)
	}
	addresses, err := resolver.Lookup(ctx, name, family)
	if err != nil {
		return nil, err
	}
	allowed := make([]netip.Addr, 0, len(addresses))
	for _, address := range addresses {
		if rules.hasAddress(address) {
			allowed = append(allowed, address)
		}
	}
	if len(allowed) == 0 {
		return nil, fmt.Errorf("%q with the addresses %v: %w", name, addresses, ErrNotAllowed)
	}
	return allowed, nil
}
