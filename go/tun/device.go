package tun

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	engine "golang.zx2c4.com/wireguard/tun"
)

// Device is the engine's TUN device with link events of its own: the engine's listener watches one
// network namespace only and finds everything else by asking once a second.
type Device struct {
	engine.Device // reads and writes packets
	link          *link
	gone          chan struct{} // closed when a read finds the interface deleted, or on Close
	goneOnce      sync.Once
	closeOnce     sync.Once
	closeErr      error
}

var _ engine.Device = (*Device)(nil)

// New makes a device of an open TUN file, which it owns from here on, also when it fails. The file
// comes from Open or from another process; mtu, in bytes, is assumed where the interface's own
// cannot be read because it lives in a network namespace other than this process's.
func New(file *os.File, mtu int) (*Device, error) {
	// The engine wants a descriptor for itself: give it a second one of the same open TUN.
	fd, err := duplicate(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	link, err := watchLink(fd, mtu)
	if err != nil {
		return nil, errors.Join(err, closeFd(fd), file.Close())
	}
	native, _, err := engine.CreateUnmonitoredTUNFromFD(fd)
	if err != nil {
		// fd belongs to the engine now, whatever it answers.
		return nil, errors.Join(fmt.Errorf("handing the TUN device to the engine: %w", err), link.close(), file.Close())
	}
	device := &Device{Device: native, link: link, gone: make(chan struct{})}
	if err := file.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("closing the TUN file: %w", err), device.Close())
	}
	return device, nil
}

func duplicate(file *os.File) (fd int, err error) {
	if _, err := Name(file); err != nil {
		return -1, err
	}
	err = control(file, func(original int) error {
		fd, err = unix.FcntlInt(uintptr(original), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, fmt.Errorf("duplicating the TUN file: %w", err)
	}
	return fd, nil
}

// Read fills bufs as the engine's interface says, and marks the device as gone when the interface
// has been deleted.
func (d *Device) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	n, err := d.Device.Read(bufs, sizes, offset)
	if errors.Is(err, os.ErrClosed) {
		d.markGone()
	}
	return n, err
}

func (d *Device) markGone() { d.goneOnce.Do(func() { close(d.gone) }) }

// Gone is closed once the interface has been deleted, or the device closed: before the engine has
// finished closing, so that whoever serves the name can give it up at once.
func (d *Device) Gone() <-chan struct{} { return d.gone }

// MTU returns the last known MTU in bytes. It never fails.
func (d *Device) MTU() (int, error) { return d.link.mtu(), nil }

// Events returns link and MTU changes. The channel is closed by Close.
func (d *Device) Events() <-chan engine.Event { return d.link.events }

// Close ends the interface, unblocks Read, and closes the Events channel.
func (d *Device) Close() error {
	d.closeOnce.Do(func() {
		d.markGone()
		// The link first: its probe writes to the descriptor that the engine then closes.
		d.closeErr = errors.Join(d.link.close(), d.Device.Close())
	})
	return d.closeErr
}
