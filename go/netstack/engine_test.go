package netstack

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/curve25519"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"

	"wg-bridge/go/inflight"
	"wg-bridge/go/testbed"
	"wg-bridge/go/udp"
)

// maxInFlight is what go/tunnel uses.
const maxInFlight = 256

// An end is a network behind an engine with a UDP socket on loopback.
type end struct {
	*Device   // nil if the network is another one
	engine    *device.Device
	bind      *udp.Bind
	addresses []netip.Addr
	public    string
}

func newEnd(t testing.TB, mtu int, addresses ...netip.Addr) *end {
	t.Helper()
	outbound, inbound := inflight.NewOutbound(maxInFlight), inflight.NewInbound(maxInFlight)
	errorf := func(format string, arguments ...any) {
		if line := fmt.Sprintf(format, arguments...); !strings.Contains(line, "Failed to send") { // after the other is closed
			t.Errorf("engine: %s", line)
		}
	}
	d := newDevice(t, Config{MTU: mtu, Outbound: outbound, Inbound: inbound, Errorf: errorf}, addresses...)
	config := udp.Config{Offloads: udp.AllOffloads, NetlinkOptional: true, Inbound: inbound, Outbound: outbound, Errorf: errorf}
	e := newEngine(t, d, config, errorf)
	e.Device, e.addresses = d, addresses
	return e
}

// newEngine returns an engine with a key and a UDP socket behind a network.
func newEngine(t testing.TB, network tun.Device, config udp.Config, errorf func(string, ...any)) *end {
	t.Helper()
	e := &end{bind: udp.NewBind(config)}
	e.engine = device.NewDevice(network, e.bind, &device.Logger{Verbosef: func(string, ...any) {}, Errorf: errorf})
	t.Cleanup(func() {
		e.engine.Close()
		<-e.engine.Wait()
	})
	private := make([]byte, 32)
	_, _ = rand.Read(private)
	public, err := curve25519.X25519(private, curve25519.Basepoint)
	if err != nil {
		t.Fatal(err)
	}
	e.public = hex.EncodeToString(public)
	if err := errors.Join(e.engine.IpcSet(fmt.Sprintf("private_key=%x\nlisten_port=0\n", private)), e.engine.Up()); err != nil {
		t.Fatal(err)
	}
	return e
}

// meet makes two ends peers.
func meet(t testing.TB, a, b *end) {
	t.Helper()
	for _, ends := range [][2]*end{{a, b}, {b, a}} {
		peer := ends[1]
		request := fmt.Sprintf("public_key=%s\nendpoint=127.0.0.1:%d\n", peer.public, peer.bind.Port())
		var ranges []netip.Prefix
		for _, address := range peer.addresses {
			ranges = append(ranges, netip.PrefixFrom(address, address.BitLen()))
			request += fmt.Sprintf("allowed_ip=%v\n", ranges[len(ranges)-1])
		}
		if err := ends[0].engine.IpcSet(request); err != nil {
			t.Fatal(err)
		}
		if ends[0].Device != nil {
			ends[0].SetRoutes(ranges)
		}
	}
}

func newEnds(t testing.TB, mtu int) (near, far *end) {
	t.Helper()
	testbed.RequireSandbox(t)
	testbed.CheckLeaks(t, "no interface")
	near, far = newEnd(t, mtu, near4, near6), newEnd(t, mtu, far4, far6)
	meet(t, near, far)
	return near, far
}

func TestStreamsThroughTwoEngines(t *testing.T) {
	for _, mtu := range []int{MinMTU, 1420, 9000, MaxMTU} {
		t.Run(fmt.Sprint(mtu), func(t *testing.T) {
			near, far := newEnds(t, mtu)
			var running sync.WaitGroup
			for i, address := range []netip.Addr{far4, far6, far4, far6} {
				client, server := establish(t, near.Device, far.Device, address)
				running.Go(func() { exchange(t, uint64(i), 3_000_000/scale, client, server) })
			}
			running.Wait()
			for _, address := range []netip.Addr{far4, far6} {
				for _, size := range []int{0, mtu - 48, 10_000} {
					if _, err := near.Ping(limited(t), address, min(size, 65_000)); err != nil {
						t.Errorf("ping %v with %d bytes: %v", address, size, err)
					}
				}
			}
			sender, receiver := bind(t, near.Device, near4), bind(t, far.Device, far4)
			for _, length := range []int{0, 1, 1200, 5000, 65507} {
				sent := make([]byte, length)
				_, _ = rand.Read(sent)
				if _, err := sender.WriteToAddrPort(sent, receiver.LocalAddrPort()); err != nil {
					t.Fatal(err)
				}
				expectDatagram(t, receiver, sent, sender.LocalAddrPort())
			}
		})
	}
}

func TestTheMTUChangesUnderLoad(t *testing.T) {
	near, far := newEnds(t, 9000)
	client, server := establish(t, near.Device, far.Device, far6)
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for i := 0; ; i++ {
			for _, d := range []*end{near, far} {
				if err := d.SetMTU([]int{MinMTU, 1420, MaxMTU, 9000}[i%4]); err != nil {
					t.Error(err)
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	exchange(t, 2, 10_000_000/scale, client, server)
	close(stop)
	running.Wait()
}

func TestEndsOfConnectionsThroughTwoEngines(t *testing.T) {
	near, far := newEnds(t, 1420)
	client, server := establish(t, near.Device, far.Device, far4)
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, server, nil)
	if _, err := server.Write([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, client, []byte("still here"))

	client, server = establish(t, near.Device, far.Device, far6)
	if err := server.Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after Abort: %v", err)
	}
	if _, err := near.DialTCP(limited(t), netip.AddrPort{}, netip.AddrPortFrom(far4, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a closed port: %v", err)
	}
	var unreachable *UnreachableError
	if _, err := near.DialTCP(limited(t), netip.AddrPort{}, netip.MustParseAddrPort("10.9.0.3:1")); !errors.As(err, &unreachable) {
		t.Errorf("outside of the allowed IPs: %v", err)
	}
	client, _ = establish(t, near.Device, far.Device, far4)
	far.AbortAll()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after AbortAll: %v", err)
	}
	far.engine.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := near.DialTCP(ctx, netip.AddrPort{}, netip.AddrPortFrom(far4, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("a peer that is gone: %v", err)
	}
}

// alone marks the process that a test has started for itself.
const alone = "WG_BRIDGE_TEST_ALONE"

func TestTwoEnginesWithoutNetlink(t *testing.T) {
	testbed.RequireSandbox(t)
	if os.Getenv(alone) == "" { // What is refused stays refused until the process ends.
		command := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		command.Env = append(os.Environ(), alone+"=1")
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
		return
	}
	testbed.Refuse(t, unix.EINVAL, unix.SYS_SOCKET, testbed.Argument{Index: 0, Value: unix.AF_NETLINK})
	if fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE); err == nil {
		_ = unix.Close(fd)
		t.Fatal("netlink sockets are not refused")
	}
	near, far := newEnds(t, 1420)
	for i, address := range []netip.Addr{far4, far6} {
		client, server := establish(t, near.Device, far.Device, address)
		exchange(t, uint64(i), 1_000_000/scale, client, server)
	}
}
