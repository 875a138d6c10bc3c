package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// outletBuffer is the buffer of an outlet in bytes, of which the kernel doubles the number, as it counts
// its own structures too. That is less than an interface's usual queue of 1,000 packets, so that one
// destination does not fill it.
const outletBuffer = 512 << 10

var errOtherNamespace = errors.New("this thread is in another network namespace than the port")

// An outlet is what datagrams to a destination leave through: the Bind's socket, which many share, or a
// socket on the same port that one destination has for itself, so that the kernel accounts for what
// waits for it.
type outlet struct {
	conn       *net.UDPConn
	raw        syscall.RawConn
	shared     bool          // by many destinations
	used       atomic.Int64  // when it was last chosen, in nanoseconds of Unix time
	dropped    atomic.Uint64 // packets that found no room
	sinceQuery atomic.Int64  // bytes sent since it was asked last how much is outstanding

	mu    sync.Mutex // guards drain
	drain drain      // of a socket that one destination has for itself
}

// openOutlet opens a socket on a port that another socket of this process has. The kernel must be told
// meanwhile that the port may be shared: see shared.
func openOutlet(network string, port uint16, mark uint32) (*outlet, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(fd int) error {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
				return os.NewSyscallError("setsockopt SO_REUSEPORT", err)
			}
			return prepareToSend(fd, network, mark, outletBuffer)
		})
	}}
	packetConn, err := config.ListenPacket(context.Background(), network, ":"+strconv.Itoa(int(port)))
	if err != nil {
		return nil, err
	}
	o := &outlet{conn: packetConn.(*net.UDPConn)}
	if o.raw, err = o.conn.SyscallConn(); err != nil {
		return nil, errors.Join(err, o.conn.Close())
	}
	return o, nil
}

func (o *outlet) setMark(mark uint32) error {
	return control(o.raw, func(fd int) error { return setMark(fd, mark) })
}

// outstanding returns how many bytes have been sent and not left the host, as the kernel accounts for
// them; 0 of a closed outlet.
func (o *outlet) outstanding() int {
	var bytes int32
	_ = o.raw.Control(func(fd uintptr) { queryOutstanding(fd, &bytes) })
	return int(bytes)
}

// unusedFor returns how long the outlet has not been chosen.
func (o *outlet) unusedFor(now time.Time) time.Duration {
	return time.Duration(now.UnixNano() - o.used.Load())
}

// admit returns those of packets that may be sent now, and how many of them may leave as one message. The
// others are dropped. The batch asks how much is outstanding.
func (o *outlet) admit(packets [][]byte, batch *sendBatch) (admitted [][]byte, maxJoined int) {
	if o.shared {
		return packets, maxSegments
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drain.observe(batch.queryOutstanding(o.raw), time.Now())
	room := o.drain.room()
	for len(admitted) < len(packets) && (room > 0 || isHandshake(packets[len(admitted)])) {
		room -= len(packets[len(admitted)])
		admitted = packets[:len(admitted)+1]
	}
	o.dropped.Add(uint64(len(packets) - len(admitted)))
	if len(admitted) == 0 {
		return nil, 1
	}
	return admitted, o.drain.maxJoined(len(admitted[0]))
}

// sent must be called when what was admitted has been sent. The batch asks how much is outstanding.
func (o *outlet) sent(batch *sendBatch) {
	if o.shared {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drain.sent(batch.queryOutstanding(o.raw))
}

// isHandshake reports whether a packet is one of those without which a session ends. They are few: that
// a path is busy is no reason to drop them.
func isHandshake(packet []byte) bool {
	const transportData = 4
	return len(packet) > 0 && packet[0] < transportData
}

// firstSocketFilter is a filter (SO_ATTACH_REUSEPORT_CBPF, socket(7)) by which the first socket of a port gets
// all that arrives: it returns 0.
var firstSocketFilter = []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}

// shared runs open, which opens another socket on the port of fd, and makes sure that fd goes on to
// receive all that arrives there.
//
// The port can be shared (SO_REUSEPORT) only meanwhile. A program of the same user that asks for that
// too may get it later as well, on some kernels; it receives nothing.
func shared(raw syscall.RawConn, open func() error) error {
	return control(raw, func(fd int) (err error) {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return os.NewSyscallError("setsockopt SO_REUSEPORT", err)
		}
		defer func() {
			off := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 0)
			err = errors.Join(err, os.NewSyscallError("setsockopt SO_REUSEPORT", off))
		}()
		if err := open(); err != nil {
			return err
		}
		program := unix.SockFprog{Len: uint16(len(firstSocketFilter)), Filter: &firstSocketFilter[0]}
		return os.NewSyscallError("setsockopt SO_ATTACH_REUSEPORT_CBPF",
			unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &program))
	})
}

// A netNamespace identifies a network namespace.
type netNamespace struct{ device, inode uint64 }

// currentNamespace returns the calling thread's network namespace.
func currentNamespace() (netNamespace, error) {
	var stat unix.Stat_t
	const path = "/proc/thread-self/ns/net"
	if err := unix.Stat(path, &stat); err != nil {
		return netNamespace{}, fmt.Errorf("stat %s: %w", path, err)
	}
	return netNamespace{uint64(stat.Dev), stat.Ino}, nil
}

// inNamespace runs do on a thread that is in the namespace. The error is errOtherNamespace if the calling
// thread is not.
func inNamespace(wanted netNamespace, do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	present, err := currentNamespace()
	if err != nil {
		return err
	}
	if present != wanted {
		return errOtherNamespace
	}
	return do()
}
