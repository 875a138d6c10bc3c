package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// relay carries datagrams until ctx ends. Each end is a port to receive on, and the port that gets what arrives at the
// other end: "PORT:TO".
func relay(ctx context.Context, ends [2]string, p path, output io.Writer) error {
	var sockets [2]net.PacketConn
	var targets [2]net.Addr
	for i, end := range ends {
		port, to, _ := strings.Cut(end, ":")
		var err error
		if targets[i], err = net.ResolveUDPAddr("udp", "127.0.0.1:"+to); err != nil {
			return fmt.Errorf("%q is not PORT:TO: %w", end, err)
		}
		config := net.ListenConfig{Control: enlargeBuffers}
		if sockets[i], err = config.ListenPacket(ctx, "udp", "127.0.0.1:"+port); err != nil {
			return fmt.Errorf("cannot relay: %w", err)
		}
		defer sockets[i].Close()
	}
	if _, err := fmt.Fprintln(output, "ready"); err != nil {
		return err
	}
	failed := make(chan error, 2)
	for i := range sockets {
		way := &way{line: newLine(p), changed: make(chan struct{}, 1)}
		go func() { failed <- way.receive(sockets[i]) }()
		go way.deliver(sockets[1-i], targets[1-i])
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// bufferLength is that of a relay's sockets, in bytes: what is lost, its lines decide.
const bufferLength = 8 << 20

// enlargeBuffers needs CAP_NET_ADMIN, which a sandbox has. Without it the kernel's maximum is what can be had.
func enlargeBuffers(_, _ string, conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) {
		for _, option := range []struct{ forced, ordinary int }{
			{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF},
		} {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option.forced, bufferLength) != nil {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option.ordinary, bufferLength)
			}
		}
	})
}

// A way carries what one socket receives to the other.
type way struct {
	line *line // receive's alone

	mutex   sync.Mutex // guards the rest
	onWay   journey
	ended   bool
	changed chan struct{} // has a value once something is the first to arrive, or the way has ended
}

func (w *way) receive(from net.PacketConn) error {
	defer w.end()
	for buffer := make([]byte, 65535); ; {
		n, _, err := from.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("the relay cannot receive: %w", err)
		}
		if at, ok := w.line.take(n, time.Now()); ok {
			w.add(at, append([]byte(nil), buffer[:n]...))
		}
	}
}

func (w *way) add(at time.Time, datagram []byte) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.onWay.add(at, datagram) {
		w.change()
	}
}

func (w *way) end() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.ended = true
	w.change()
}

func (w *way) change() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// deliver sends each datagram when it arrives, or as soon as the clock allows. One goroutine alone delivers: with two,
// the one that wakes late is overtaken by what arrives after.
func (w *way) deliver(by net.PacketConn, to net.Addr) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		datagram, wait, ok, ended := w.next()
		if ended {
			return
		}
		if ok {
			_, _ = by.WriteTo(datagram, to) // an end that is gone refuses it: it is lost
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-w.changed:
		}
	}
}

func (w *way) next() (datagram []byte, wait time.Duration, ok, ended bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	datagram, wait, ok = w.onWay.next(time.Now())
	return datagram, wait, ok, w.ended
}
