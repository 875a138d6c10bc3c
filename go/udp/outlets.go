package udp

import (
	"errors"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// queryInterval is how many bytes the main outlet sends between two queries of what is outstanding, each of
	// which is a system call.
	queryInterval = 32 << 10
	// congested is how many bytes must be outstanding before a destination gets an outlet of its own. A fast
	// interface has less on its way.
	congested = 64 << 10
	// maxOutlets bounds how many destinations have an outlet of their own, in each address family.
	maxOutlets = 32
	// outletExpiry is how long an outlet is kept while it is unused and has nothing outstanding.
	outletExpiry = time.Second
	// outletRetry is how long no outlet is opened after a failure to open one.
	outletRetry = time.Minute
)

// sharedSocketOnly is logged with the reason.
const sharedSocketOnly = "UDP bind: all destinations share one socket, because no further one can be opened: %v"

// outlets chooses the outlet for each destination of one address family.
//
// The kernel accounts by socket for what waits in an interface's queues. A destination behind a slow path would
// fill the socket that all share, and nobody else could send. So a destination to which datagrams are sent while
// more is outstanding than on a fast path gets a socket of its own: its account shows whether this very path is
// slow, and it drops what finds no room.
type outlets struct {
	logf    func(format string, arguments ...any)
	network string
	port    uint16
	main    *outlet
	space   netNamespace // of the main socket

	// known is replaced as a whole and never changed in place: reading it takes no lock.
	known atomic.Pointer[map[netip.AddrPort]*outlet]

	mu     sync.Mutex // serializes changes
	mark   uint32
	closed bool
	retry  time.Time   // no outlet is opened before this time
	expiry *time.Timer // closes unused outlets; runs while there are any
}

// newOutlets returns the outlets of a socket that was opened in the calling thread's network namespace.
func newOutlets(s *socket, network string, mark uint32, logf func(string, ...any)) *outlets {
	o := &outlets{
		logf: logf, network: network, port: s.port(), mark: mark,
		main: &outlet{conn: s.conn, raw: s.raw, shared: true},
	}
	o.expiry = time.AfterFunc(time.Hour, o.expire)
	o.expiry.Stop()
	var err error
	if o.space, err = currentNamespace(); err != nil {
		o.closed = true
		logf(sharedSocketOnly, err)
	}
	return o
}

// to returns the outlet for some bytes to a destination. It uses the batch to query what is outstanding.
func (o *outlets) to(destination netip.AddrPort, bytes int, batch *sendBatch) *outlet {
	if known := o.known.Load(); known != nil {
		if own, found := (*known)[destination]; found {
			own.used.Store(time.Now().UnixNano())
			return own
		}
	}
	if o.main.sinceQuery.Add(int64(bytes)) < queryInterval {
		return o.main
	}
	if batch.queryOutstanding(o.main.raw) < congested {
		o.main.sinceQuery.Store(0)
		return o.main
	}
	if own := o.open(destination); own != nil {
		return own
	}
	return o.main
}

// open opens an outlet for a destination, or returns nil if it cannot.
func (o *outlets) open(destination netip.AddrPort) *outlet {
	o.mu.Lock()
	defer o.mu.Unlock()
	known := o.snapshot()
	if own, found := known[destination]; found {
		return own // Another sender was faster.
	}
	now := time.Now()
	if o.closed || len(known) >= maxOutlets || now.Before(o.retry) {
		return nil
	}
	own, err := o.openOutlet()
	if err != nil {
		o.retry = now.Add(outletRetry)
		o.logf(sharedSocketOnly, err)
		return nil
	}
	own.used.Store(now.UnixNano())
	known[destination] = own
	o.known.Store(&known)
	o.expiry.Reset(outletExpiry)
	return own
}

func (o *outlets) openOutlet() (own *outlet, err error) {
	err = inNamespace(o.space, func() error {
		return withSharedPort(o.main.raw, func() (err error) {
			own, err = openOutlet(o.network, o.port, o.mark)
			return err
		})
	})
	if err != nil && own != nil {
		err = errors.Join(err, own.conn.Close())
	}
	return own, err
}

// snapshot returns a copy of the known outlets, for a change.
func (o *outlets) snapshot() map[netip.AddrPort]*outlet {
	if known := o.known.Load(); known != nil {
		return maps.Clone(*known)
	}
	return make(map[netip.AddrPort]*outlet)
}

// expire closes the outlets that are no longer used.
func (o *outlets) expire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	now, known := time.Now(), o.snapshot()
	for destination, own := range known {
		if own.unusedFor(now) < outletExpiry || own.outstanding() > 0 {
			continue
		}
		delete(known, destination)
		_ = own.conn.Close() // A sender that has just chosen it falls back to the main one.
		if dropped := own.dropped.Load(); dropped > 0 {
			o.logf("UDP bind: dropped packets to %s that exceeded the capacity of its path (%d)", destination, dropped)
		}
	}
	o.known.Store(&known)
	if len(known) > 0 {
		o.expiry.Reset(outletExpiry)
	}
}

// setMark sets the fwmark of all outlets, including later ones.
func (o *outlets) setMark(mark uint32) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mark = mark
	errs := []error{o.main.setMark(mark)}
	for _, own := range o.snapshot() {
		errs = append(errs, own.setMark(mark))
	}
	return errors.Join(errs...)
}

// close closes all outlets but the main one, permanently.
func (o *outlets) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.expiry.Stop()
	var errs []error
	for _, own := range o.snapshot() {
		errs = append(errs, own.conn.Close())
	}
	o.known.Store(nil)
	return errors.Join(errs...)
}
