package tunnel

import (
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"wg-bridge/go/testbed"
)

// patience bounds every wait of these tests. Reaching it is a failure.
const patience = 20 * time.Second

// takePort takes a UDP port as another program would.
func takePort(t *testing.T) (taken net.PacketConn, port uint16) {
	t.Helper()
	taken, err := net.ListenPacket("udp6", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // A test may have closed it before.
	return taken, taken.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// awaitPort waits until a tunnel listens on a port, or is only set to one, and says so.
func awaitPort(t *testing.T, tunnel *Tunnel, port uint16, listening bool) {
	t.Helper()
	line := fmt.Sprintf("\nlisten_port=%d\n", port)
	var status string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		var err error
		if status, err = ask(tunnel, "get=1\n\n"); err != nil {
			t.Fatal(err)
		}
		if strings.Contains("\n"+status, line) && (tunnel.bind.Port() == port) == listening {
			return
		}
	}
	t.Fatalf("it does not listen on port %d, but on %d, and says %q", port, tunnel.bind.Port(), status)
}

func TestAPortThatIsInUseLeavesARunningTunnelItsOwn(t *testing.T) {
	begin(t)
	tunnel := start(t, "wgt0")
	defer tunnel.Close()
	testbed.Run(t, "ip", "link", "set", "wgt0", "up")
	testbed.Run(t, "wg", "set", "wgt0", "listen-port", "51999")
	awaitPort(t, tunnel, 51999, true)
	taken, port := takePort(t)
	for range 3 {
		output, err := exec.Command("wg", "set", "wgt0", "listen-port", fmt.Sprint(port)).CombinedOutput()
		if err == nil || !strings.Contains(string(output), "Address already in use") {
			t.Errorf("wg set says %q, %v", output, err)
		}
		awaitPort(t, tunnel, 51999, true)
	}
	taken.Close()
	testbed.Run(t, "wg", "set", "wgt0", "listen-port", fmt.Sprint(port))
	awaitPort(t, tunnel, port, true)
}

func TestATunnelThatCannotComeUpKeepsItsPortForTheNextTime(t *testing.T) {
	begin(t)
	files, err := Open("wgt0", 0, Given{})
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan struct{}, 1)
	tunnel, err := Start(files, AllFeatures, Log{
		Verbosef: func(string, ...any) {},
		Errorf: func(format string, _ ...any) {
			if strings.HasPrefix(format, "Unable to update bind") {
				failed <- struct{}{}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tunnel.Close()
	taken, port := takePort(t)
	testbed.Run(t, "wg", "set", "wgt0", "listen-port", fmt.Sprint(port))
	testbed.Run(t, "ip", "link", "set", "wgt0", "up")
	testbed.Wait(t, failed, "the failure to come up")
	awaitPort(t, tunnel, port, false)
	taken.Close()
	testbed.Run(t, "ip", "link", "set", "wgt0", "down")
	testbed.Run(t, "ip", "link", "set", "wgt0", "up")
	awaitPort(t, tunnel, port, true)
}

func TestATunnelEndsWhilePortsAreRefused(t *testing.T) {
	begin(t)
	for range 10 {
		tunnel := start(t, "wgt0")
		testbed.Run(t, "ip", "link", "set", "wgt0", "up")
		testbed.Run(t, "wg", "set", "wgt0", "listen-port", "51999")
		awaitPort(t, tunnel, 51999, true)
		taken, port := takePort(t)
		if _, err := ask(tunnel, fmt.Sprintf("set=1\nlisten_port=%d\n\n", port)); err != nil {
			t.Error(err)
		}
		if err := tunnel.Close(); err != nil {
			t.Error(err)
		}
		taken.Close()
	}
}
