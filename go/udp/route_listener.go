package udp

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
	"wg-bridge/go/pollable"
	"wg-bridge/go/rtnetlink"
)

// routeGroups are the rtnetlink(7) groups that report everything that may change how a datagram is
// routed. An address comes and goes with a local route, so the groups for addresses would add nothing.
// RTMGRP_LINK is needed because the kernel does not announce IPv4 routes that end with their link, and
// RTNLGRP_NEXTHOP because it does not announce routes through a next hop object if
// net.ipv4.nexthop_compat_mode is off. Kernels before 5.3 ignore RTNLGRP_NEXTHOP.
const routeGroups = unix.RTMGRP_LINK |
	unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV4_RULE |
	unix.RTMGRP_IPV6_ROUTE | 1<<(unix.RTNLGRP_IPV6_RULE-1) |
	1<<(unix.RTNLGRP_NEXTHOP-1)

// routePollInterval is how often routes count as changed if their changes are not reported. Each time, the source of
// each destination in use is checked by one question to the kernel, and paths that refused segments get some again.
const routePollInterval = 2 * time.Second

// A routeListener reports when routes, rules or links change in the network namespace in which it was made.
type routeListener struct {
	file     *os.File // nil if the kernel reports no changes to this process
	errorf   func(format string, arguments ...any)
	stopping chan struct{} // closed first
	stopped  chan struct{}
}

func newRouteListener(logf, errorf func(format string, arguments ...any)) (*routeListener, error) {
	l := deafRouteListener(errorf)
	fd, err := rtnetlink.Open(unix.SOCK_NONBLOCK, routeGroups)
	if rtnetlink.IsUnavailable(err) {
		logf("UDP bind: sources are checked every %v, because changes of routes are not reported here: %v", routePollInterval, err)
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	l.file, err = pollable.NewFile(fd, "netlink messages about routes")
	return l, err
}

// deafRouteListener returns a routeListener that never learns of a change.
func deafRouteListener(errorf func(format string, arguments ...any)) *routeListener {
	return &routeListener{errorf: errorf, stopping: make(chan struct{}), stopped: make(chan struct{})}
}

// isDeaf reports whether run calls changed every routePollInterval, because it never learns of a change.
func (l *routeListener) isDeaf() bool { return l.file == nil }

// run calls changed after every change, once for several that come together, until close. While it cannot receive
// the kernel's messages, it calls changed repeatedly.
func (l *routeListener) run(changed func()) {
	defer close(l.stopped)
	if l.isDeaf() {
		l.poll(changed)
		return
	}
	raw, err := l.file.SyscallConn()
	if err != nil {
		return // It is closed already.
	}
	// It does not matter what has changed, only that something has: the rest of a message is discarded.
	header := make([]byte, unix.SizeofNlMsghdr)
	for failures := 0; ; {
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			const maxMessages = 256 // bounds how long a flood of changes goes unreported
			received := 0
			for received < maxMessages && failed == nil {
				_, _, err := unix.Recvfrom(int(fd), header, 0)
				if errors.Is(err, unix.EAGAIN) {
					break
				}
				// ENOBUFS means that messages were lost. Any error may hide a change.
				received++
				failed = err
			}
			return received > 0
		})
		if err != nil {
			return
		}
		changed()
		if failed == nil {
			failures = 0
			continue
		}
		failures++
		if !errors.Is(failed, unix.ENOBUFS) && backoff.ShouldLog(failures) {
			l.errorf("UDP bind: cannot receive route changes, polling instead: %v", failed)
		}
		if !backoff.Wait(failures, l.stopping) {
			return
		}
	}
}

func (l *routeListener) poll(changed func()) {
	tick := time.NewTicker(routePollInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			changed()
		case <-l.stopping:
			return
		}
	}
}

// close stops run and waits until it has returned; run must have been started.
func (l *routeListener) close() (err error) {
	close(l.stopping)
	if l.file != nil {
		err = l.file.Close()
	}
	<-l.stopped
	return err
}
