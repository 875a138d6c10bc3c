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

// pollInterval is how often a link that lives in another network namespace is asked for its state,
// in case the kernel may not tell us of it: messages from other namespaces need CAP_NET_BROADCAST.
const pollInterval = time.Second

// UnknownMTU is what a Device tells the engine while the interface's MTU cannot be known. With it the
// engine pads no packet: it pads to a multiple of 16 bytes, but no further than the MTU, and of a packet
// that is longer it looks at the remainder. Padding by any other could make a packet too long for its path.
const UnknownMTU = 1

// A link watches one TUN interface: up, down and MTU.
//
// Messages of rtnetlink say that something changed, in this namespace or in any other that has an
// id here, which every namespace gets that the interface is moved to. Whether the link is up is
// then asked of the TUN descriptor itself, which knows wherever the interface is. For its MTU see finder.
type link struct {
	events  chan engine.Event
	bytes   atomic.Int32 // the MTU
	fd      int          // the TUN; only run uses it, and the owner closes it after close
	finder  *finder      // only run uses it
	last    *place       // where the interface was last known to be; only run uses it
	logf    func(format string, arguments ...any)
	errorf  func(format string, arguments ...any)
	netlink *os.File
	changes chan []linkMessage // from listen to run; an empty list says that messages were lost
	done    chan struct{}
	running sync.WaitGroup
}

// watchLink starts to watch the TUN interface behind fd, which it borrows until close. offloads are the
// TUN_F_ flags that are set on it.
func watchLink(fd, offloads int, logf, errorf func(string, ...any)) (*link, error) {
	netlink, err := openNetlink()
	if err != nil {
		return nil, err
	}
	finder, err := newFinder(fd, offloads)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a socket to find the link: %w", err), netlink.Close())
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
	l.running.Add(2)
	go l.listen()
	go l.run()
	return l, nil
}

func openNetlink() (*os.File, error) {
	fd, err := rtnetlink.Open(unix.SOCK_NONBLOCK, unix.RTMGRP_LINK)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket to watch the link: %w", err)
	}
	// Not every kernel and user has it; without it run falls back to asking.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1)
	return pollable.NewFile(fd, "netlink messages about links")
}

// find looks for the interface and notes where it is, and its MTU.
func (l *link) find() (found bool) {
	now, found := l.finder.find(l.last)
	if found {
		l.last = &now.at
		l.bytes.Store(int32(now.mtu))
	}
	return found
}

// findOrLose is find, and notes if the MTU is not known any more.
func (l *link) findOrLose() {
	if l.find() {
		return
	}
	if _, attached, _ := l.isUp(); !attached {
		return // It is nowhere.
	}
	if l.isHome() {
		l.last = nil
	}
	if l.bytes.Swap(UnknownMTU) != UnknownMTU {
		l.logf("TUN: the MTU cannot be read where the interface is now: packets are not padded")
	}
}

// isHome reports whether the interface lives where the netlink socket was opened.
func (l *link) isHome() bool { return l.last != nil && l.last.namespace == ownNamespace }

func (l *link) mtu() int { return int(l.bytes.Load()) }

// listen hands every netlink datagram to run until close. While there are none to be had it hands over an empty
// list now and then, so that run asks instead.
func (l *link) listen() {
	defer l.running.Done()
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
		// ENOBUFS only says that messages were lost.
		if !errors.Is(failed, unix.ENOBUFS) && backoff.ShouldLog(failures) {
			l.errorf("TUN: cannot hear of changes of the link, asking for them instead: %v", failed)
		}
		select {
		case <-time.After(backoff.After(failures)):
		case <-l.done:
			return
		}
	}
}

// receive waits for a netlink datagram. If the kernel refuses it, there are no messages. open is false after close.
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
	defer l.running.Done()
	defer close(l.events)
	ask := time.NewTicker(pollInterval)
	defer ask.Stop()

	up, known, unknown := false, l.mtu(), 0
	for {
		now, attached, err := l.isUp()
		if !attached {
			return
		}
		if err == nil {
			unknown = 0
		} else if unknown++; backoff.ShouldLog(unknown) {
			l.errorf("TUN: cannot ask whether the interface is up, trying again: %v", err)
		}
		if err == nil && now != up {
			up = now
			event := engine.Event(engine.EventDown)
			if up {
				event = engine.EventUp
			}
			if !l.tell(event) {
				return
			}
		}
		if now := l.mtu(); now != known {
			known = now
			if !l.tell(engine.EventMTUUpdate) {
				return
			}
		}

		tick := ask.C
		if l.isHome() && err == nil {
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

// follow asks anew because of a message about our interface. What the message says may be old.
func (l *link) follow(m linkMessage) {
	switch {
	case !m.deleted:
		l.find() // If it is elsewhere, the message of that is on its way.
		return
	case m.movedTo != nil && m.at.namespace == ownNamespace:
		l.last = m.movedTo
	default:
		// It is gone; or it was moved by a kernel that does not say where (before 4.16), or out of another
		// namespace: ids of namespaces are relative to where the message comes from.
		l.last = nil
	}
	l.findOrLose()
}

func (l *link) tell(event engine.Event) (told bool) {
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
	err := l.netlink.Close()
	l.running.Wait()
	return errors.Join(err, l.finder.close())
}
