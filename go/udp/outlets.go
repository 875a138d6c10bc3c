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
	// queryInterval is how many bytes the main outlet sends until it is asked again how much is outstanding:
	// each time is a system call.
	queryInterval = 32 << 10
	// congested is how many bytes may be outstanding before a destination that is sent to gets an outlet
	// of its own. What is on its way to a fast interface is less.
	congested = 64 << 10
	// maxOutlets bounds how many destinations have one, in each address family.
	maxOutlets = 32
	// outletExpiry is how long an outlet is kept that is not used and has nothing outstanding.
	outletExpiry = time.Second
	// outletRetry is how long no outlet is opened after one could not be.
	outletRetry = time.Minute
)

// sharedSocketOnly is logged with the reason.
const sharedSocketOnly = "UDP bind: all destinations share one socket, as none can have its own: %v"

// outlets choose the outlet for each destination of one address family.
//
// The kernel accounts for what waits in an interface's queues by socket. A destination behind a slow path
// would fill the socket that all share, and no other could send. So whoever sends while more is
// outstanding than a fast path lets wait gets a socket to itself, whose account shows if its own path is
// slow, and which drops what finds no room.
type outlets struct {
	logf    func(format string, arguments ...any)
	network string
	port    uint16
	main    *outlet
	space   netNamespace

	// known is replaced as a whole and never changed in place: reading it takes no lock.
	known atomic.Pointer[map[netip.AddrPort]*outlet]

	mu     sync.Mutex // serializes changes
	mark   uint32
	closed bool
	retry  time.Time   // none is opened before
	expiry *time.Timer // closes those that are not used; runs while there are any
}

// newOutlets makes the outlets of a socket, which was opened in the calling thread's network namespace.
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

// to returns the outlet to a destination, for so many bytes. The batch asks how much is outstanding.
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

// open makes an outlet for a destination, or returns nil if there can be none.
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
		return shared(o.main.raw, func() (err error) {
			own, err = openOutlet(o.network, o.port, o.mark)
			return err
		})
	})
	if err != nil && own != nil {
		err = errors.Join(err, own.conn.Close())
	}
	return own, err
}

// snapshot returns a copy of the known outlets, to change and store.
func (o *outlets) snapshot() map[netip.AddrPort]*outlet {
	if known := o.known.Load(); known != nil {
		return maps.Clone(*known)
	}
	return make(map[netip.AddrPort]*outlet)
}

// expire closes the outlets that are not used any more.
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
		_ = own.conn.Close() // Only a sender that chose it just now can notice: it takes the main one.
		if dropped := own.dropped.Load(); dropped > 0 {
			o.logf("UDP bind: dropped %d packets to %s, which were more than its path takes", dropped, destination)
		}
	}
	o.known.Store(&known)
	if len(known) > 0 {
		o.expiry.Reset(outletExpiry)
	}
}

// setMark sets the fwmark of all outlets, also of later ones.
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

// close closes all outlets but the main one, for good.
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
