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

	"wg-bridge/go/pollable"
)

// outletBuffer is the size of an outlet's send buffer in bytes. The kernel doubles it to account for its own
// structures. That is less than an interface's usual queue of 1,000 packets, so that one destination cannot fill
// the queue.
const outletBuffer = 512 << 10

var errOtherNamespace = errors.New("this thread is not in the network namespace of the port")

// An outlet is the socket through which datagrams to a destination leave: the Bind's socket, which many
// destinations share, or another one on the same port that belongs to one destination, so that the kernel accounts
// for what waits for it.
type outlet struct {
	conn       *net.UDPConn
	raw        syscall.RawConn
	shared     bool          // by many destinations
	used       atomic.Int64  // when it was last chosen, in Unix nanoseconds
	dropped    atomic.Uint64 // packets for which there was no room
	sinceQuery atomic.Int64  // bytes sent since the last query of what is outstanding

	mu    sync.Mutex // guards queue
	queue queueLimit // unless shared
}

// openOutlet opens a socket on the port of another socket of this process. Call it through withSharedPort.
func openOutlet(network string, port uint16, mark uint32) (*outlet, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return pollable.Control(raw, func(fd int) error {
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
	return pollable.Control(o.raw, func(fd int) error { return setMark(fd, mark) })
}

// outstanding returns how many sent bytes have not left the host, as the kernel accounts for them. It is 0 for a
// closed outlet.
func (o *outlet) outstanding() int {
	var bytes int32
	_ = o.raw.Control(func(fd uintptr) { queryOutstanding(fd, &bytes) })
	return int(bytes)
}

// unusedFor returns how long ago the outlet was last chosen.
func (o *outlet) unusedFor(now time.Time) time.Duration {
	return time.Duration(now.UnixNano() - o.used.Load())
}

// admit returns the packets that may be sent now, and how many of them may leave as one message. It drops the
// others. It uses the batch to query what is outstanding.
func (o *outlet) admit(packets [][]byte, batch *sendBatch) (admitted [][]byte, maxJoined int) {
	if o.shared {
		return packets, maxSegments
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue.observe(batch.queryOutstanding(o.raw), time.Now())
	room := o.queue.room()
	for len(admitted) < len(packets) && (room > 0 || isHandshake(packets[len(admitted)])) {
		room -= len(packets[len(admitted)])
		admitted = packets[:len(admitted)+1]
	}
	o.dropped.Add(uint64(len(packets) - len(admitted)))
	if len(admitted) == 0 {
		return nil, 1
	}
	return admitted, o.queue.maxJoined(len(admitted[0]))
}

// sent must be called once the admitted packets have been sent. It uses the batch to query what is outstanding.
func (o *outlet) sent(batch *sendBatch) {
	if o.shared {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue.sent(batch.queryOutstanding(o.raw))
}

// isHandshake reports whether a packet is one of those without which a session ends. They are few, so even a
// busy path has room for them.
func isHandshake(packet []byte) bool {
	const transportData = 4
	return len(packet) > 0 && packet[0] < transportData
}

// firstSocketFilter returns 0: as a reuseport filter (SO_ATTACH_REUSEPORT_CBPF, socket(7)), it gives all that
// arrives to the first socket of a port.
var firstSocketFilter = []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}

// withSharedPort calls open, which opens another socket on the port of raw, and ensures that raw continues to
// receive all that arrives there.
//
// The port can be shared (SO_REUSEPORT) only during the call. On some kernels, another program of the same user
// that sets SO_REUSEPORT may still share it later; it receives nothing.
func withSharedPort(raw syscall.RawConn, open func() error) error {
	return pollable.Control(raw, func(fd int) (err error) {
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

// inNamespace calls do if the calling thread is in the namespace. Otherwise the error is errOtherNamespace.
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
