package tun

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	engine "golang.zx2c4.com/wireguard/tun"

	"wg-bridge/go/backoff"
	"wg-bridge/go/pollable"
	"wg-bridge/go/rtnetlink"
)

const (
	// pollInterval is how often the state of a link in another network namespace is polled, in case its messages do
	// not arrive: those from other namespaces need CAP_NET_BROADCAST.
	pollInterval = time.Second
	// deafPollInterval is how often the state of any link is polled if there are no messages at all. Until the engine
	// knows that the link is up, it drops what is sent.
	deafPollInterval = 200 * time.Millisecond
)

// UnknownMTU is the MTU that a Device reports to the engine while it cannot know the interface's. With it, the
// engine does not pad: it pads a packet to a multiple of 16 bytes, but at most to the MTU, and reduces a longer
// packet modulo the MTU first. With any other value, padding could make a packet too long for its path.
const UnknownMTU = 1

// A link watches a TUN interface: whether it is up, and its MTU.
//
// Rtnetlink messages report that something has changed, in this namespace or in any other that has an id here.
// Every namespace to which the interface is moved gets an id. The TUN descriptor itself then shows whether the link
// is up, wherever the interface is. For its MTU see finder.
type link struct {
	events  chan engine.Event
	bytes   atomic.Int32 // the MTU
	fd      int          // the TUN's; only run uses it, and its owner closes it after close
	finder  *finder      // only run uses it
	last    *place       // the interface's last known place; only run uses it
	logf    func(format string, arguments ...any)
	errorf  func(format string, arguments ...any)
	netlink *os.File           // nil if this process gets no messages about links: run then polls
	changes chan []linkMessage // from listen to run; an empty list means that messages were lost
	done    chan struct{}
	running sync.WaitGroup
}

// watchLink starts watching the TUN interface behind fd, which it borrows until close. offloads are the TUN_F_
// flags that are set on fd.
func watchLink(fd, offloads int, logf, errorf func(string, ...any)) (*link, error) {
	finder, err := newFinder(fd, offloads)
	if err != nil {
		return nil, fmt.Errorf("opening a socket to find the link: %w", err)
	}
	netlink, err := openNetlink()
	if rtnetlink.IsUnavailable(err) {
		logf("TUN: polling the link every %v, because its changes are not reported here: %v", deafPollInterval, err)
	} else if err != nil {
		return nil, errors.Join(err, finder.close())
	}
	l := &link{
		events:  make(chan engine.Event),
		fd:      fd,
		finder:  finder,
		logf:    logf,
		errorf:  errorf,
		netlink: netlink,
		changes: make(chan []linkMessage),
		done:    make(chan struct{}),
	}
	l.findOrLose()
	l.running.Go(l.run)
	if l.netlink != nil {
		l.running.Go(l.listen)
	}
	return l, nil
}

func openNetlink() (*os.File, error) {
	fd, err := rtnetlink.Open(unix.SOCK_NONBLOCK, unix.RTMGRP_LINK)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket to watch the link: %w", err)
	}
	// Not every kernel supports it, nor may every user set it: without it, run polls.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1)
	return pollable.NewFile(fd, "netlink messages about links")
}

// find finds the interface, and records its place and MTU.
func (l *link) find() (found bool) {
	now, found := l.finder.find(l.last)
	if found {
		l.last = &now.at
		l.bytes.Store(int32(now.mtu))
	}
	return found
}

// findOrLose is find, and records if the MTU is no longer known.
func (l *link) findOrLose() {
	if l.find() {
		return
	}
	if _, attached, _ := l.isUp(); !attached {
		return // There is no interface any more.
	}
	if l.isHome() {
		l.last = nil
	}
	if l.bytes.Swap(UnknownMTU) != UnknownMTU {
		l.logf("TUN: the MTU cannot be read in the interface's new namespace: packets are not padded")
	}
}

// isHome reports whether the interface is in the namespace in which the netlink socket was opened.
func (l *link) isHome() bool { return l.last != nil && l.last.namespace == ownNamespace }

func (l *link) mtu() int { return int(l.bytes.Load()) }

// listen passes every netlink datagram to run until close. While it cannot receive any, it passes an empty list from
// time to time, so that run polls instead.
func (l *link) listen() {
	defer close(l.changes)
	datagram := make([]byte, 1<<16)
	control := make([]byte, unix.CmsgSpace(4))
	for failures := 0; ; {
		messages, failed, open := l.receive(datagram, control)
		if !open {
			return
		}
		select {
		case l.changes <- messages:
		case <-l.done:
			return
		}
		if failed == nil {
			failures = 0
			continue
		}
		failures++
		// ENOBUFS only means that messages were lost.
		if !errors.Is(failed, unix.ENOBUFS) && backoff.ShouldLog(failures) {
			l.errorf("TUN: cannot receive link changes, polling instead: %v", failed)
		}
		if !backoff.Wait(failures, l.done) {
			return
		}
	}
}

// receive waits for a netlink datagram. If that fails, there are no messages. open is false after close.
func (l *link) receive(datagram, control []byte) (messages []linkMessage, failed error, open bool) {
	raw, err := l.netlink.SyscallConn()
	if err != nil {
		return nil, nil, false
	}
	err = raw.Read(func(fd uintptr) (ready bool) {
		n, controlled, _, _, err := unix.Recvmsg(int(fd), datagram, control, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false
		case err != nil:
			failed = os.NewSyscallError("recvmsg", err)
		default:
			messages = linkMessages(datagram[:n], control[:controlled])
		}
		return true
	})
	return messages, failed, err == nil
}

// run turns changes into events until close.
func (l *link) run() {
	defer close(l.events)
	interval := pollInterval
	if l.netlink == nil {
		interval = deafPollInterval
	}
	ask := time.NewTicker(interval)
	defer ask.Stop()

	up, mtu, pollFailures := false, l.mtu(), 0
	// The link can be up again by the time a message says that it went down. Up is then sent once more, because the
	// engine tries to bind its sockets only at that event.
	wentDown := false
	for {
		now, attached, err := l.isUp()
		if !attached {
			return
		}
		if err == nil {
			pollFailures = 0
		} else if pollFailures++; backoff.ShouldLog(pollFailures) {
			l.errorf("TUN: cannot find out whether the interface is up, retrying: %v", err)
		}
		if err == nil && (now != up || now && wentDown) {
			up, wentDown = now, false
			event := engine.Event(engine.EventDown)
			if up {
				event = engine.EventUp
			}
			if !l.send(event) {
				return
			}
		}
		if now := l.mtu(); now != mtu {
			mtu = now
			if !l.send(engine.EventMTUUpdate) {
				return
			}
		}

		tick := ask.C
		if l.netlink != nil && l.isHome() && err == nil {
			tick = nil
		}
		select {
		case messages, open := <-l.changes:
			if !open {
				return
			}
			if len(messages) == 0 {
				l.findOrLose()
			}
			for _, m := range messages {
				if l.last != nil && m.at == *l.last {
					wentDown = wentDown || m.wentDown
					l.follow(m)
				}
			}
		case <-tick:
			l.findOrLose()
		case <-l.done:
			return
		}
	}
}

// follow finds the interface again after a message about it, because the message may be out of date.
func (l *link) follow(m linkMessage) {
	switch {
	case !m.deleted:
		l.find() // If it has moved, another message is on its way.
		return
	case m.movedTo != nil && m.at.namespace == ownNamespace:
		l.last = m.movedTo
	default:
		// It was deleted, or moved by a kernel that does not say where (before 4.16), or moved out of another
		// namespace: namespace ids are relative to the namespace of the message.
		l.last = nil
	}
	l.findOrLose()
}

func (l *link) send(event engine.Event) (sent bool) {
	select {
	case l.events <- event:
		return true
	case <-l.done:
		return false
	}
}

// isUp asks the TUN descriptor, which can take packets only while the link is up, and is in error
// once the interface is gone. Linux before 4.11 calls it writable all the same, but answers a write
// without a packet with an I/O error while the link is down. (Later that is an invalid argument, whatever
// the link's state.) With an error nothing is known, and the interface taken for attached.
func (l *link) isUp() (up, attached bool, err error) {
	poll := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLOUT}}
	for {
		_, err := unix.Poll(poll, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return false, true, os.NewSyscallError("poll", err)
		}
		up, attached = poll[0].Revents&unix.POLLOUT != 0, poll[0].Revents&unix.POLLERR == 0
		if up && attached {
			// Twice, as an error that passes must not take the tunnel down.
			refused := l.refusesEmptyWrite()
			up = !refused || !l.refusesEmptyWrite()
		}
		return up, attached, nil
	}
}

func (l *link) refusesEmptyWrite() bool {
	_, err := unix.Write(l.fd, nil)
	return errors.Is(err, unix.EIO)
}

// close stops watching and waits until nothing uses the TUN descriptor any more.
func (l *link) close() error {
	close(l.done)
	var err error
	if l.netlink != nil {
		err = l.netlink.Close()
	}
	l.running.Wait()
	return errors.Join(err, l.finder.close())
}
