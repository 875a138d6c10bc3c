package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A flight is a question under way. It is given up when its last waiter leaves.
type flight struct {
	key     key
	cancel  context.CancelFunc
	waiters int           // guarded by the Resolver's mutex
	done    chan struct{} // closed once outcome is set
	outcome outcome
}

// depart starts a flight for one waiter. The caller holds the mutex.
func (r *Resolver) depart(key key) *flight {
	ctx, cancel := context.WithCancel(context.Background())
	shared := &flight{key: key, cancel: cancel, waiters: 1, done: make(chan struct{})}
	r.flights[key] = shared
	servers, cache := r.servers, r.cache
	go func() {
		defer cancel()
		found, err := r.question(ctx, servers, key)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.flights[key] == shared {
			delete(r.flights, key)
		}
		switch {
		case errors.Is(err, errLoop):
			shared.outcome = outcome{err: err, code: NotFound}
		case err != nil:
			shared.outcome = outcome{err: err, code: TryAgain}
		default:
			shared.outcome = outcome{addresses: found.addresses, absence: found.absence}
			cache.put(key, found, time.Now()) // If Configure has replaced the cache, nobody reads this one.
		}
		close(shared.done)
	}()
	return shared
}

// leave takes one waiter off a flight.
func (r *Resolver) leave(shared *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	shared.waiters--
	if shared.waiters > 0 {
		return
	}
	shared.cancel()
	// Whoever asks now needs a new one.
	if r.flights[shared.key] == shared {
		delete(r.flights, shared.key)
	}
}

// question asks for a key, and goes on asking where a server's answer ends at an alias.
func (r *Resolver) question(ctx context.Context, servers []netip.Addr, wanted key) (result, error) {
	name, hops, ttl := wanted.name, 0, uint32(1<<31-1)
	for {
		asked, err := question(name, wanted.kind)
		if err != nil {
			return result{}, err
		}
		answer, err := r.exchange(ctx, servers, asked)
		if err != nil {
			return result{}, err
		}
		ttl = min(ttl, answer.ttl)
		if len(answer.addresses) > 0 {
			return result{addresses: answer.addresses, keep: min(seconds(ttl), maxPositive)}, nil
		}
		keep := min(seconds(min(ttl, answer.negative)), maxNegative)
		if answer.rcode == dnsmessage.RCodeNameError {
			absence := nameError
			if answer.last != wanted.name {
				absence = fmt.Sprintf("it is an alias of %q, which does not exist", answer.last)
			}
			return result{absence: absence, keep: keep}, nil
		}
		// With an SOA record the server has followed the aliases to their end.
		if answer.last == name || answer.hasSOA {
			return result{absence: noAddresses(wanted.kind), keep: keep}, nil
		}
		if hops += answer.hops; hops > maxHops {
			return result{}, errLoop
		}
		name = answer.last
	}
}

func seconds(ttl uint32) time.Duration { return time.Duration(ttl) * time.Second }
