package tun

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
	engine "golang.zx2c4.com/wireguard/tun"

	"wg-bridge/go/aqm"
	"wg-bridge/go/inflight"
	"wg-bridge/go/pollable"
)

// Config configures a Device. With the zero value, packets are neither joined nor limited in number.
type Config struct {
	Offloads Offloads
	// Outbound counts packets from Read until they leave the engine, Inbound those that leave it by Write. Either
	// may be nil.
	Outbound *inflight.Outbound
	Inbound  *inflight.Inbound
	// AQM keeps the queue of what Write gets short. It may be nil.
	AQM *aqm.Queue
	// Logf logs at verbose level, Errorf logs errors that the engine does not learn about. Either may be nil.
	Logf, Errorf func(format string, arguments ...any)
}

// A Device is a TUN interface for the engine: one goroutine reads it, and any number write to it.
type Device struct {
	file      *os.File
	config    Config
	reader    *reader
	writer    *writer
	link      *link
	gone      chan struct{} // closed when a read fails or finds the interface deleted, or by Close
	goneOnce  sync.Once
	failure   error // of the read that ended the device, if one did; valid once gone is closed
	closeOnce sync.Once
	closeErr  error
}

var _ engine.Device = (*Device)(nil)

// New returns a device for an open TUN file. It owns the file, even if it fails. The file comes from Open or
// from another process, and must be non-blocking.
func New(file *os.File, config Config) (*Device, error) {
	if config.Logf == nil {
		config.Logf = func(string, ...any) {}
	}
	if config.Errorf == nil {
		config.Errorf = func(string, ...any) {}
	}
	device := &Device{file: file, config: config, gone: make(chan struct{})}
	if err := device.attach(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return device, nil
}

func (d *Device) attach() error {
	flags, err := interfaceFlags(d.file)
	if err != nil {
		return err
	}
	if err := pollable.Check(d.file); err != nil {
		return err
	}
	raw, err := d.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("using the TUN file: %w", err)
	}
	if flags&unix.IFF_TUN == 0 {
		return fmt.Errorf("the interface given as TUN carries Ethernet frames (TAP), not IP packets: %w", unix.EINVAL)
	}
	plain := flags&unix.IFF_VNET_HDR == 0
	if plain {
		d.config.Logf("TUN: packets cross one by one: the interface has no virtio headers")
	}
	var offloads Offloads
	var offloadFlags int
	return control(d.file, func(fd int) error {
		if !plain {
			if err := setHeaderSize(fd); err != nil {
				return err
			}
			if offloads, offloadFlags, err = enableOffloads(fd, d.config.Offloads); err != nil {
				d.config.Logf("TUN: packets cross one by one: %v", err)
			}
		}
		d.reader = newReader(raw, plain, inflight.NewBatch(d.config.Outbound), d.config.Errorf)
		d.writer = newWriter(raw, plain, offloads, d.config.Inbound, d.config.Logf)
		d.reader.aqm, d.writer.aqm = d.config.AQM, d.config.AQM
		// The file stays open longer than the link watches it: see Close.
		d.link, err = watchLink(fd, offloadFlags, d.config.Logf, d.config.Errorf)
		return err
	})
}

// File returns nil, so that the engine cannot bypass the Device.
func (d *Device) File() *os.File { return nil }

// Name returns the interface's current name.
func (d *Device) Name() (string, error) { return Name(d.file) }

// BatchSize returns the maximum number of packets that Read returns at once.
func (d *Device) BatchSize() int { return conn.IdealBatchSize }

// Read waits for a packet and reads as many as there are, one into each of bufs from offset on, with their
// lengths in sizes. It segments packets that the kernel left whole. It drops and logs packets that cannot be
// used or read, and drops those that would have to wait behind too many others, so it may return none. The error
// is os.ErrClosed once the interface is gone or the device closed, and another one if reads keep failing.
func (d *Device) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	d.config.Outbound.Wait(d.gone)
	n, err := d.reader.fill(bufs, sizes, offset)
	if err != nil {
		return n, d.end(err)
	}
	if n == 0 && d.reader.pause > 0 {
		select {
		case <-time.After(d.reader.pause):
		case <-d.gone:
		}
	}
	return n, nil
}

// end marks the device as gone, and returns the error of Read with which the engine then ends.
func (d *Device) end(err error) error {
	// Ask the file whether the interface was deleted: the runtime's poller may notice first, and returns another
	// error.
	if d.isGone() || !isAttached(d.file) {
		d.markGone(nil)
		return os.ErrClosed
	}
	d.markGone(err)
	return err
}

// Write writes the packets that begin at offset in each of bufs, and may change their bytes and the 10 bytes before
// them. It returns how many packets were written; one that the AQM drops counts as written. An error says why one was
// not; Write has tried all others. Callers log errors, so after one there is none for some seconds. The error is
// os.ErrClosed once the interface is gone.
func (d *Device) Write(bufs [][]byte, offset int) (int, error) {
	n, err := d.writer.flush(bufs, offset)
	if err != nil && d.isGone() {
		err = os.ErrClosed
	}
	return n, err
}

func (d *Device) markGone(failure error) {
	d.goneOnce.Do(func() {
		d.failure = failure
		close(d.gone)
	})
}

func (d *Device) isGone() bool {
	select {
	case <-d.gone:
		return true
	default:
		return false
	}
}

// Gone is closed once the interface is deleted or can no longer be read, or the device is closed. That is before
// the engine has finished closing, so that whoever serves the interface's name can release it at once.
func (d *Device) Gone() <-chan struct{} { return d.gone }

// Failure returns the error of the read that ended the device, or nil if the interface was deleted or the device
// closed. Call it once Gone is closed.
func (d *Device) Failure() error { return d.failure }

// MTU returns the interface's MTU in bytes, or UnknownMTU. It never fails.
func (d *Device) MTU() (int, error) { return d.link.mtu(), nil }

// IsUp reports whether the interface is up. It returns false once the device is closed.
func (d *Device) IsUp() (up bool) {
	raw, err := d.file.SyscallConn()
	if err != nil {
		return false
	}
	// Control keeps the file open meanwhile, and does nothing if it is closed.
	_ = raw.Control(func(uintptr) { up, _, _ = d.link.isUp() })
	return up
}

// Events returns the channel of link and MTU changes. Close closes it.
func (d *Device) Events() <-chan engine.Event { return d.link.events }

// Close deletes the interface, unblocks Read, and closes the Events channel.
func (d *Device) Close() error {
	d.closeOnce.Do(func() {
		d.markGone(nil)
		// The link first: it uses the file's descriptor.
		d.closeErr = errors.Join(d.link.close(), d.file.Close())
	})
	return d.closeErr
}

// reportInterval is the minimum time between two reports of lost packets.
const reportInterval = 10 * time.Second

// losses counts lost packets, so that the log stays readable however many there are. The zero value is ready to
// use.
type losses struct {
	packets  int // since the last report
	reported time.Time
}

// add counts lost packets. If a report is due, it returns how many packets to report.
func (l *losses) add(packets int, now time.Time) (lost int, due bool) {
	l.packets += packets
	if !l.reported.IsZero() && now.Sub(l.reported) < reportInterval {
		return 0, false
	}
	lost, l.packets, l.reported = l.packets, 0, now
	return lost, true
}
