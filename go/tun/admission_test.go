package tun

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inet"
	"wg-bridge/go/inflight"
	"wg-bridge/go/segmentation"
	"wg-bridge/go/testbed"
)

// A fed is a device that receives packets for 10.77.0.0/24 from the kernel. Each packet holds its number.
type fed struct {
	*Device
	outbound *inflight.Outbound
	buffers  [][]byte
	sizes    []int
	count    int // packets in the last batch
}

func newFed(t *testing.T, name string) *fed {
	t.Helper()
	device := newDevice(t, name)
	outbound := inflight.NewOutbound(256)
	device.config.Outbound, device.reader.batch = outbound, inflight.NewBatch(outbound)
	testbed.Run(t, "ip", "address", "add", "10.77.0.1/24", "dev", name)
	testbed.Run(t, "ip", "link", "set", name, "up")
	f := &fed{
		Device: device, outbound: outbound,
		buffers: make([][]byte, segmentation.MaxSegments), sizes: make([]int, segmentation.MaxSegments), count: segmentation.MaxSegments,
	}
	f.renew()
	return f
}

// renew replaces the buffers of the last batch, as the engine does with those that it keeps.
func (f *fed) renew() {
	for i := range f.count {
		f.buffers[i] = make([]byte, testbed.Headroom+inet.MaxPacket)
	}
}

// leave makes the last batch come out of the engine.
func (f *fed) leave() {
	f.outbound.Leave(f.buffers, make([]inflight.ECN, len(f.buffers)))
}

// read reads a batch, and returns the numbers of its packets to an address.
func (f *fed) read(t *testing.T, to string) []byte {
	t.Helper()
	n, err := f.Read(f.buffers, f.sizes, testbed.Headroom)
	if err != nil {
		t.Fatal(err)
	}
	f.count = n
	return f.numbers(to)
}

// numbers returns those of the packets to an address in the last batch.
func (f *fed) numbers(to string) (last []byte) {
	for i := range f.count {
		packet := f.buffers[i][testbed.Headroom : testbed.Headroom+f.sizes[i]]
		if packet[0]>>4 == 4 && net.IP(packet[inet.IPv4Destination:inet.IPv4HeaderLength]).String() == to {
			last = append(last, packet[len(packet)-1])
		}
	}
	return last
}

// dialSegmenting opens a UDP socket whose messages are datagrams of size bytes each.
func dialSegmenting(t *testing.T, address string, size int) net.Conn {
	t.Helper()
	sender, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sender.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var option error
	err = raw.Control(func(fd uintptr) {
		option = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, size))
	})
	if err != nil || option != nil {
		t.Fatal(err, option)
	}
	return sender
}

// message sends count packets to an address, which the kernel leaves whole. The last byte of each is its number.
func message(t *testing.T, to string, count int) {
	t.Helper()
	const size = 1000
	sender := dialSegmenting(t, to+":9", size)
	defer sender.Close()
	bytes := make([]byte, count*size)
	for i := range count {
		bytes[(i+1)*size-1] = byte(i)
	}
	if _, err := sender.Write(bytes); err != nil {
		t.Fatal(err)
	}
}

func TestPacketsThatMayHaveToWaitAreReadOneByOneAndNoneIsLost(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newFed(t, "wgda")
	const count = 20
	message(t, "10.77.0.2", count)
	for next := byte(0); next < count; {
		last := device.read(t, "10.77.0.2")
		device.renew()
		if len(last) == 0 {
			continue // The kernel has sent something by itself.
		}
		if len(last) != 1 || last[0] != next {
			t.Fatalf("a batch holds packets %v, want %d alone", last, next)
		}
		next++
	}
}

func TestPacketsThatComeOutAreReadTogetherBesideOthersThatMayHaveToWait(t *testing.T) {
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "wgd")
	device := newFed(t, "wgdb")
	// The maximum number of packets waits for a third address.
	waited := 0
	for range 10 {
		message(t, "10.77.0.3", 20)
	}
	for waited < 100 {
		waited += len(device.read(t, "10.77.0.3"))
		device.renew()
	}
	message(t, "10.77.0.2", 1)
	for len(device.read(t, "10.77.0.2")) == 0 {
		waited += len(device.numbers("10.77.0.3"))
		device.renew()
	}
	device.leave()
	const count = 20
	message(t, "10.77.0.3", 20)
	message(t, "10.77.0.2", count)
	message(t, "10.77.0.3", 20)
	for {
		last := device.read(t, "10.77.0.2")
		waited += len(device.numbers("10.77.0.3"))
		if len(last) > 0 {
			if len(last) != count {
				t.Errorf("a batch holds packets %v", last)
			}
			break
		}
	}
	if waited >= 12*20 {
		t.Errorf("all %d packets to the other address were read", waited)
	}
}
