package udp

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
)

// keepingLines returns failures that append their error lines to a list.
func keepingLines(lines *[]string) failures {
	return failures{
		logf: func(string, ...any) {},
		errorf: func(format string, arguments ...any) {
			*lines = append(*lines, fmt.Sprintf(format, arguments...))
		},
		failed: func(error) {},
	}
}

func TestReceivingIsRetriedForTenMinutesWithALogLineAMinute(t *testing.T) {
	var lines []string
	f := keepingLines(&lines)
	var total time.Duration
	tries := 0
	for {
		pause, again := f.pause("here", unix.ENOMEM)
		if !again {
			break
		}
		if pause < backoff.Initial || pause > backoff.Max {
			t.Fatalf("a pause of %v", pause)
		}
		total += pause
		tries++
	}
	if tries != maxFailures || total < 9*time.Minute || total > 10*time.Minute {
		t.Errorf("tried %d times in %v", tries, total)
	}
	if len(lines) != 10 || !strings.Contains(lines[0], "cannot allocate memory") {
		t.Errorf("it says %q", lines)
	}
	f.end("here")
	if pause, again := f.pause("here", unix.ENOMEM); pause != backoff.Initial || !again || len(lines) != 11 {
		t.Errorf("after a success it waits %v, and has said %q", pause, lines)
	}
}

func TestAReceiverRecoversOnceTheKernelHasMemory(t *testing.T) {
	n := newNamespace(t)
	peer := openStation(t, n)
	for _, network := range []string{"udp4", "udp6"} {
		r := listenAlone(t, n, network, AllOffloads)
		var lines []string
		r.failures = keepingLines(&lines)
		// The engine alone would have given up.
		left := 11
		r.system = func(fd uintptr, messages []unix.Mmsghdr) (int, error) {
			if left > 0 {
				left--
				return 0, unix.ENOMEM
			}
			return receiveMessages(fd, messages)
		}
		address := map[string]string{"udp4": "127.0.0.1", "udp6": "::1"}[network]
		peer.send(t, newEndpoint(r.endpointAt(address)), []byte("hello"))
		buffers, sizes, endpoints := receiveBuffers(batchSize)
		count, err := r.receive(buffers, sizes, endpoints)
		if err != nil || count != 1 || string(buffers[0][:sizes[0]]) != "hello" {
			t.Fatalf("received %d datagrams, %v", count, err)
		}
		if left != 0 || len(lines) != 1 || r.failures.count != 0 {
			t.Errorf("it says %q, and counts %d failures", lines, r.failures.count)
		}
	}
}

func TestAReceiverThatFailedTooOftenReportsTheErrorAndReturnsIt(t *testing.T) {
	n := newNamespace(t)
	n.refuse(t, unix.SYS_RECVMMSG, 3, unix.MSG_DONTWAIT, unix.ENOBUFS) // every call on its thread
	var lines []string
	var failed []error
	r := listenAlone(t, n, "udp4", AllOffloads)
	r.failures = keepingLines(&lines)
	r.failures.failed = func(err error) { failed = append(failed, err) }
	r.failures.count = maxFailures
	n.run(t, func() error {
		_, err := r.receive(receiveBuffers(batchSize))
		if !errors.Is(err, syscall.ENOBUFS) || len(failed) != 1 || failed[0] != err {
			t.Errorf("it returns %v, and says %q", err, failed)
		}
		return nil
	})
}

func TestCloseEndsAReceiverThatFails(t *testing.T) {
	n := newNamespace(t)
	n.refuse(t, unix.SYS_RECVMMSG, 3, unix.MSG_DONTWAIT, unix.ENOMEM) // every call on its thread
	failed := make(chan struct{}, maxFailures)
	b := NewBind(Config{Errorf: func(string, ...any) { failed <- struct{}{} }})
	n.run(t, func() error {
		receive, _, err := b.Open(0)
		if err != nil {
			return err
		}
		closed := make(chan error)
		go func() {
			<-failed
			closed <- b.Close()
		}()
		_, err = receive[0](receiveBuffers(batchSize)) // It fails, although nothing has arrived.
		if err != net.ErrClosed {
			t.Errorf("after Close it returns %v", err)
		}
		return <-closed
	})
}
