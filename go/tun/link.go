package tun

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	engine "golang.zx2c4.com/wireguard/tun"

	"wg-bridge/go/rtnetlink"
)

// awayInterval is how often a link that lives in another network namespace is asked for its state,
// in case the kernel may not tell us of it: messages from other namespaces need CAP_NET_BROADCAST.
const awayInterval = time.Second

// A link watches one TUN interface: up, down and MTU.
//
// Messages of rtnetlink say that something changed, in this namespace or in any other that has an
// id here, which every namespace gets that the interface is moved to. Whether the link is up is
// then asked of the TUN descriptor itself, which knows wherever the interface is.
type link struct {
	events  chan engine.Event
	bytes   atomic.Int32 // the MTU
	fd      int          // the TUN; only run uses it, and the owner closes it after close
	netlink *os.File
	changes chan []linkMessage // from listen to run; an empty list says that messages were lost
	done    chan struct{}
	running sync.WaitGroup
}

// watchLink starts to watch the TUN interface behind fd, which it borrows until close. mtu is
// assumed while the interface's own cannot be known.
func watchLink(fd, mtu int) (*link, error) {
	netlink, err := openNetlink()
	if err != nil {
		return nil, err
	}
	l := &link{
		events:  make(chan engine.Event),
		fd:      fd,
		netlink: netlink,
		changes: make(chan []linkMessage),
		done:    make(chan struct{}),
	}
	l.bytes.Store(int32(mtu))
	at, home := l.find()
	l.running.Add(2)
	go l.listen()
	go l.run(at, home)
	return l, nil
}

func openNetlink() (*os.File, error) {
	fd, err := rtnetlink.Open(unix.SOCK_NONBLOCK, unix.RTMGRP_LINK)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket to watch the link: %w", err)
	}
	// Not every kernel and user has it; without it run falls back to asking.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1)
	return os.NewFile(uintptr(fd), "netlink"), nil
}

// find looks for the interface in this process's namespace and notes its MTU.
func (l *link) find() (at place, home bool) {
	request, err := unix.NewIfreq("")
	if err != nil || unix.IoctlIfreq(l.fd, unix.TUNGETIFF, request) != nil || !inOwnNamespace(l.fd) {
		return place{}, false
	}
	found, err := net.InterfaceByName(request.Name())
	if err != nil {
		return place{}, false
	}
	l.bytes.Store(int32(found.MTU))
	return place{ownNamespace, int32(found.Index)}, true
}

// inOwnNamespace tells a TUN interface of this process's namespace from one of another that has the
// same name. Without the permission to ask (CAP_NET_ADMIN, Linux 5.0) the answer is no.
func inOwnNamespace(fd int) bool {
	namespace, err := unix.IoctlRetInt(fd, unix.TUNGETDEVNETNS)
	if err != nil {
		return false
	}
	var its, own unix.Stat_t
	err = errors.Join(unix.Fstat(namespace, &its), unix.Stat("/proc/thread-self/ns/net", &own), unix.Close(namespace))
	return err == nil && its.Dev == own.Dev && its.Ino == own.Ino
}

func (l *link) mtu() int { return int(l.bytes.Load()) }

// listen hands every netlink datagram to run until close.
func (l *link) listen() {
	defer l.running.Done()
	defer close(l.changes)
	datagram := make([]byte, 1<<16)
	control := make([]byte, unix.CmsgSpace(4))
	for {
		messages, err := l.receive(datagram, control)
		if err != nil {
			return
		}
		select {
		case l.changes <- messages:
		case <-l.done:
			return
		}
	}
}

func (l *link) receive(datagram, control []byte) (messages []linkMessage, err error) {
	raw, err := l.netlink.SyscallConn()
	if err != nil {
		return nil, err
	}
	readErr := raw.Read(func(fd uintptr) (ready bool) {
		var n, controlled int
		n, controlled, _, _, err = unix.Recvmsg(int(fd), datagram, control, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false
		case errors.Is(err, unix.ENOBUFS):
			messages, err = nil, nil
		case err == nil:
			messages = linkMessages(datagram[:n], control[:controlled])
		}
		return true
	})
	return messages, errors.Join(err, readErr)
}

// run turns changes into events until close. home says that the interface lives where the netlink
// socket was opened; at is then its place, and elsewhere the place last heard of.
func (l *link) run(at place, home bool) {
	defer l.running.Done()
	defer close(l.events)
	ask := time.NewTicker(awayInterval)
	defer ask.Stop()

	up, known := false, l.mtu()
	for {
		if now, attached := l.isUp(); !attached {
			return
		} else if now != up {
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
		if home {
			tick = nil
		}
		select {
		case messages, open := <-l.changes:
			if !open {
				return
			}
			if len(messages) == 0 && home {
				l.find()
			}
			for _, m := range messages {
				if m.at == at {
					at, home = l.follow(m, home)
				}
			}
		case <-tick:
			if found, back := l.find(); back {
				at, home = found, true
			}
		case <-l.done:
			return
		}
	}
}

// follow takes what a message says of our interface, and returns where the interface is after it.
func (l *link) follow(m linkMessage, home bool) (place, bool) {
	if !m.deleted {
		if m.mtu != 0 {
			l.bytes.Store(int32(m.mtu))
		}
		return m.at, home
	}
	if m.movedTo == nil {
		return m.at, home // It is gone, as isUp will say.
	}
	if m.at.namespace != ownNamespace {
		// Ids of namespaces are relative to where the message comes from: only from our own one can
		// the interface be followed.
		return place{}, false
	}
	return *m.movedTo, false
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
// once the interface is gone. (A write without a packet no longer tells: since Linux 6 it is an
// invalid argument, whatever the link's state.)
func (l *link) isUp() (up, attached bool) {
	poll := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLOUT}}
	for {
		_, err := unix.Poll(poll, 0)
		if !errors.Is(err, unix.EINTR) {
			return poll[0].Revents&unix.POLLOUT != 0, err == nil && poll[0].Revents&unix.POLLERR == 0
		}
	}
}

// close stops watching and waits until nothing uses the TUN descriptor any more.
func (l *link) close() error {
	close(l.done)
	err := l.netlink.Close()
	l.running.Wait()
	return err
}
