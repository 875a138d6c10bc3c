package netstack

import "os"

// Read waits for a packet and reads as many as there are, one into each of bufs from offset on, with their lengths
// in sizes. The error is os.ErrClosed once the device is closed.
func (d *Device) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	n := 0
	for n < len(bufs) {
		packet := d.link.queue.take()
		if packet == nil {
			if n > 0 {
				break
			}
			select {
			case <-d.link.queue.ready:
				continue
			case <-d.link.queue.gone:
				return 0, os.ErrClosed
			}
		}
		at := offset
		for _, part := range packet.AsSlices() {
			at += copy(bufs[n][at:], part)
		}
		packet.DecRef()
		sizes[n] = at - offset
		n++
	}
	return n, nil
}
