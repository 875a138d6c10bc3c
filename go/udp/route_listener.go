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

// routeGroups are the rtnetlink(7) groups that tell of everything that may change how a datagram is
// routed. An address comes and goes with a local route, so the groups of addresses would add nothing.
// Links are among them because IPv4 routes that end with their link are not announced, and next hops
// because routes that name one are not if net.ipv4.nexthop_compat_mode is off. Kernels before 5.3 pass
// over that group.
const routeGroups = unix.RTMGRP_LINK |
	unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV4_RULE |
	unix.RTMGRP_IPV6_ROUTE | 1<<(unix.RTNLGRP_IPV6_RULE-1) |
	1<<(unix.RTNLGRP_NEXTHOP-1)

// A routeListener tells when routes, rules or links change in the network namespace that
// it was made in.
type routeListener struct {
	file     *os.File
	errorf   func(format string, arguments ...any)
	stopping chan struct{} // closed first
	stopped  chan struct{}
}

func newRouteListener() (*routeListener, error) {
	fd, err := rtnetlink.Open(unix.SOCK_NONBLOCK, routeGroups)
	if err != nil {
		return nil, err
	}
	file, err := pollable.NewFile(fd, "netlink messages about routes")
	if err != nil {
		return nil, err
	}
	return &routeListener{
		file: file, errorf: func(string, ...any) {}, stopping: make(chan struct{}), stopped: make(chan struct{}),
	}, nil
}

// run calls changed after every change, once for those that come together, until close. While the kernel does
// not say what changes, it calls changed again and again.
func (l *routeListener) run(changed func()) {
	defer close(l.stopped)
	raw, err := l.file.SyscallConn()
	if err != nil {
		return // It is closed already.
	}
	// What has changed does not matter, only that something has: the rest of a message is dropped.
	scrap := make([]byte, unix.SizeofNlMsghdr)
	for failures := 0; ; {
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			const together = 256 // bounds how long a flood of changes can go unheard
			heard := 0
			for heard < together && failed == nil {
				_, _, err := unix.Recvfrom(int(fd), scrap, 0)
				if errors.Is(err, unix.EAGAIN) {
					break
				}
				// ENOBUFS is the loss of messages. With any error a change may have gone unheard.
				heard++
				failed = err
			}
			return heard > 0
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
			l.errorf("UDP bind: cannot hear of changes of routes, asking for them instead: %v", failed)
		}
		if !l.pause(failures) {
			return
		}
	}
}

// pause waits after a failure, which the next attempt may meet too. It returns false if run is to stop.
func (l *routeListener) pause(failures int) bool {
	select {
	case <-l.stopping:
		return false
	case <-time.After(backoff.After(failures)):
		return true
	}
}

// close stops run and waits until it has returned; run must have been started.
func (l *routeListener) close() error {
	close(l.stopping)
	err := l.file.Close()
	<-l.stopped
	return err
}
