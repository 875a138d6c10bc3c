package tun

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/backoff"
	"wg-bridge/go/inet"
	"wg-bridge/go/testbed"
)

// breakReads makes the kernel put a virtio header before each packet that is longer than what a reader
// asks for: the kernel drops the packet, and the read fails with EINVAL.
func breakReads(t *testing.T, device *Device) {
	t.Helper()
	if err := control(device.file, func(fd int) error {
		return unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, 1<<20)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAPacketThatTheKernelCannotDescribeIsLostAndNothingElse(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	const lost, size = 50, 999
	lines := make(chan string, lost)
	device, err := New(open(t, "wgd9"), Config{Offloads: AllOffloads, Errorf: func(format string, arguments ...any) {
		lines <- fmt.Sprintf(format, arguments...)
	}})
	if err != nil {
		t.Fatal(err)
	}
	testbed.Run(t, "ip", "address", "add", ownIPv4+"/24", "dev", "wgd9")
	testbed.Run(t, "ip", "link", "set", "wgd9", "up")
	sender, err := net.Dial("udp", net.JoinHostPort(neighbourIPv4, "9"))
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()

	breakReads(t, device)
	arrived, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		buffers, sizes := [][]byte{make([]byte, inet.MaxPacket)}, make([]int, 1)
		for {
			n, err := device.Read(buffers, sizes, 0)
			if err != nil {
				ended <- err
				return
			}
			if n == 1 && sizes[0] == size+inet.IPv4HeaderLength+inet.UDPHeaderLength {
				arrived <- struct{}{}
			}
		}
	}()
	for range lost {
		if _, err := sender.Write(make([]byte, size-1)); err != nil {
			t.Fatal(err)
		}
	}
	if line := testbed.Wait(t, lines, "a line of the log"); !strings.Contains(line, unix.EINVAL.Error()) {
		t.Errorf("logged %q", line)
	}
	if err := control(device.file, setHeaderSize); err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	testbed.Wait(t, arrived, "the next packet")
	if err := device.Close(); err != nil {
		t.Error(err)
	}
	if err := testbed.Wait(t, ended, "the end of the reads"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read = %v", err)
	}
	if err := device.Failure(); err != nil {
		t.Errorf("a device that was closed failed: %v", err)
	}
	if len(lines) != 0 {
		t.Errorf("%d packets gave %d more lines", lost, len(lines))
	}
}

func TestReadsThatKeepFailingEndTheDeviceAndSayWhy(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	const descriptor = 710
	// EINVAL means a packet that cannot be described: the next one is read at once. Other errors cause pauses.
	reads := map[unix.Errno]int{unix.EINVAL: 1, unix.ENOMEM: maxPauses}
	for i, errno := range []unix.Errno{unix.EINVAL, unix.ENOMEM} {
		device := newDeviceAt(t, fmt.Sprintf("wgd1%d", i), descriptor+i)
		lines := 0
		device.reader.errorf = func(string, ...any) { lines++ }
		testbed.Refuse(t, errno, unix.SYS_READ, testbed.Argument{Index: 0, Value: uint32(descriptor + i)})
		var minimum time.Duration
		var err error
		begun, calls := time.Now(), 0
		for err == nil && calls < reads[errno] {
			calls++
			_, err = device.Read([][]byte{make([]byte, inet.MaxPacket)}, make([]int, 1), 0)
			if err == nil {
				minimum += backoff.After(calls)
			}
		}
		if took := time.Since(begun); calls != reads[errno] || took < minimum {
			t.Errorf("%v: %d reads in %v, want %d in %v", errno, calls, took, reads[errno], minimum)
		}
		if !errors.Is(err, errno) || errors.Is(err, os.ErrClosed) {
			t.Errorf("Read = %v, want %v", err, errno)
		}
		testbed.Wait(t, device.Gone(), "the device's end")
		if failure := device.Failure(); !errors.Is(failure, errno) {
			t.Errorf("Failure = %v, want %v", failure, errno)
		}
		if lines != 1 {
			t.Errorf("%v: %d lines", errno, lines)
		}
	}
}
