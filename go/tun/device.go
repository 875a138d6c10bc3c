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

	"wg-bridge/go/inflight"
	"wg-bridge/go/pollable"
)

// Config is how a Device is to work. The zero value takes each packet alone, and any number of them.
type Config struct {
	Offloads Offloads
	// Outbound counts packets from Read to where they leave the engine, Inbound those that Write takes
	// out of it. Either may be nil.
	Outbound *inflight.Outbound
	Inbound  *inflight.Inbound
	// Logf takes lines worth reading at verbose level, Errorf those about packets that are lost. Either
	// may be nil.
	Logf, Errorf func(format string, arguments ...any)
}

// Device is a TUN interface as the engine uses it: read by one goroutine, written by any number.
type Device struct {
	file      *os.File
	config    Config
	reader    *reader
	writer    *writer
	link      *link
	gone      chan struct{} // closed when a read finds the interface deleted or fails, or on Close
	goneOnce  sync.Once
	failure   error // of a read that ended the device; may be read once gone is closed
	closeOnce sync.Once
	closeErr  error
}

var _ engine.Device = (*Device)(nil)

// New makes a device of an open TUN file, which it owns from here on, also when it fails. The file
// comes from Open or from another process, and must be non-blocking.
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
		// The file stays open for longer than the link watches it: see Close.
		d.link, err = watchLink(fd, offloadFlags, d.config.Logf, d.config.Errorf)
		return err
	})
}

// File is nil: the engine, too, shall not use the file beside the Device.
func (d *Device) File() *os.File { return nil }

// Name is the interface's present name.
func (d *Device) Name() (string, error) { return Name(d.file) }

// BatchSize is the largest number of packets that Read returns at once.
func (d *Device) BatchSize() int { return conn.IdealBatchSize }

// Read waits for a packet and takes as many as there are, one to each of bufs from offset on, with
// their lengths in sizes. What the kernel left whole is cut. A packet that cannot be used or read is
// dropped and logged; one that would only wait behind too many others is dropped, so that there may be
// none. The error is os.ErrClosed once the interface is gone or the device closed, and another if every
// read fails.
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

// end says what the engine, which ends with this error of a read, shall know of it.
func (d *Device) end(err error) error {
	// Whether the interface is deleted or the device closed, the file knows. The runtime's poller may be the
	// first to see it, and calls it something else.
	if d.isGone() || !isAttached(d.file) {
		d.markGone(nil)
		return os.ErrClosed
	}
	d.markGone(err)
	return err
}

// Write gives the kernel the packets that begin at offset of each of bufs, and may change their bytes
// and the 10 before them. It returns how many packets were written. An error says why one was not; all
// others were tried. The callers log errors: after one, there is none for some seconds. It is os.ErrClosed
// once the interface is gone.
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

// Gone is closed once the interface has been deleted, cannot be read any more, or the device closed:
// before the engine has finished closing, so that whoever serves the name can give it up at once.
func (d *Device) Gone() <-chan struct{} { return d.gone }

// Failure is the error of the reads where that ended the device, and nil if the interface was deleted or
// the device closed. Call it once Gone is closed.
func (d *Device) Failure() error { return d.failure }

// MTU returns the interface's MTU in bytes, or UnknownMTU. It never fails.
func (d *Device) MTU() (int, error) { return d.link.mtu(), nil }

// IsUp reports whether the interface is up. It is not once the device is closed.
func (d *Device) IsUp() (up bool) {
	raw, err := d.file.SyscallConn()
	if err != nil {
		return false
	}
	// The file stays open meanwhile, and a closed one is not asked.
	_ = raw.Control(func(uintptr) { up, _, _ = d.link.isUp() })
	return up
}

// Events returns link and MTU changes. The channel is closed by Close.
func (d *Device) Events() <-chan engine.Event { return d.link.events }

// Close ends the interface, unblocks Read, and closes the Events channel.
func (d *Device) Close() error {
	d.closeOnce.Do(func() {
		d.markGone(nil)
		// The link first: it asks the descriptor that is closed then.
		d.closeErr = errors.Join(d.link.close(), d.file.Close())
	})
	return d.closeErr
}

// reportInterval is how long a failure that repeats goes unreported.
const reportInterval = 10 * time.Second

// failures counts packets that were lost, so that the log stays readable however often that happens.
// The zero value is none.
type failures struct {
	packets  int // lost since the last report
	reported time.Time
}

// add counts lost packets. If a report is due, it returns how many it has to tell of.
func (f *failures) add(packets int, now time.Time) (lost int, due bool) {
	f.packets += packets
	if !f.reported.IsZero() && now.Sub(f.reported) < reportInterval {
		return 0, false
	}
	lost, f.packets, f.reported = f.packets, 0, now
	return lost, true
}
