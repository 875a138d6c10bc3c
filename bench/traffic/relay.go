package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A way carries what one socket receives to the other.
type way struct {
	line  *line
	onWay journey
	from  *socket
	by    *socket
	to    unix.SockaddrInet4
}

// relay carries datagrams until ctx ends. Each end is a port to receive on, and the port that gets what arrives at the
// other end: "PORT:TO".
func relay(ctx context.Context, ends [2]string, p path, output io.Writer) error {
	var sockets [2]*socket
	var ways [2]way
	for i, end := range ends {
		port, to, err := parseEnd(end)
		if err != nil {
			return err
		}
		if sockets[i], err = bindSocket(port); err != nil {
			return err
		}
		defer sockets[i].close()
		ways[1-i].to = unix.SockaddrInet4{Port: to, Addr: loopback}
	}
	for i := range ways {
		// A datagram that arrives at one leaves by the other.
		ways[i].line, ways[i].from, ways[i].by = newLine(p), sockets[i], sockets[1-i]
	}
	stopped, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	defer unix.Close(stopped)
	forget := context.AfterFunc(ctx, func() { _, _ = unix.Write(stopped, []byte{1, 0, 0, 0, 0, 0, 0, 0}) })
	defer forget()
	if _, err := fmt.Fprintln(output, "ready"); err != nil {
		return err
	}
	return carry(ways[:], stopped)
}

// carry lets datagrams come and go until stopped is readable. It is one thread without goroutines, and polls the kernel
// itself: to hand each datagram from goroutine to goroutine costs more than to carry it.
func carry(ways []way, stopped int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	polled := []unix.PollFd{{Fd: int32(stopped), Events: unix.POLLIN}}
	for i := range ways {
		polled = append(polled, unix.PollFd{Fd: int32(ways[i].from.fd), Events: unix.POLLIN})
	}
	buffer := make([]byte, 65535)
	for {
		wait := time.Hour
		for i := range ways {
			wait = min(wait, ways[i].deliver())
		}
		if err := poll(polled, wait); err != nil {
			return err
		}
		if polled[0].Revents != 0 {
			return nil
		}
		for i := range ways {
			if polled[i+1].Revents == 0 {
				continue
			}
			if err := ways[i].receive(buffer); err != nil {
				return err
			}
		}
	}
}

// poll waits until one is readable. It is a raw system call: around an ordinary one, Go's scheduler takes the processor of a
// thread that waits longer than 20 µs, and wakes others to give it back.
func poll(polled []unix.PollFd, wait time.Duration) error {
	timeout := unix.NsecToTimespec(int64(wait))
	_, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&polled[0])), uintptr(len(polled)),
		uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
	if errno != 0 && errno != unix.EINTR {
		return os.NewSyscallError("ppoll", errno)
	}
	return nil
}

// receive takes what has come, once at most, so that what arrives meanwhile leaves in time.
func (w *way) receive(buffer []byte) error {
	n, size, err := w.from.receive(buffer)
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the relay cannot receive: %w", err)
	}
	for _, one := range w.line.takeAll(buffer[:n], size, time.Now()) {
		w.onWay.add(one)
	}
	return nil
}

// deliver sends what has arrived, or as soon as the clock allows, and returns when the next train arrives. All leave from
// one queue: of two, the one that is looked at late would be overtaken by what arrives after.
func (w *way) deliver() (wait time.Duration) {
	for {
		one, wait, ok := w.onWay.next(time.Now())
		if !ok {
			return wait
		}
		w.by.send(one, &w.to)
	}
}

func parseEnd(end string) (port, to int, err error) {
	near, far, _ := strings.Cut(end, ":")
	port, portErr := strconv.Atoi(near)
	to, toErr := strconv.Atoi(far)
	if err := errors.Join(portErr, toErr); err != nil {
		return 0, 0, fmt.Errorf("%q is not PORT:TO: %w", end, err)
	}
	return port, to, nil
}
