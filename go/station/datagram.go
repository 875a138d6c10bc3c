package station

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/netstack"
)

const (
	// maxPayload is the most that a UDP datagram over IPv4 carries, in bytes.
	maxPayload = 65507
	// maxQueued is how many bytes of datagrams wait for a client that reads slowly. The rest is dropped.
	maxQueued = 1 << 20
	// reportInterval is the minimum time between two reports of the same kind about a socket.
	reportInterval = 100 * time.Millisecond

	datagramLength = 2 // of the field before a datagram's frame
	addressLength  = 1 // of the field before an address
	portLength     = 2
)

// buffers are for reads of datagrams, which take one only while there is something to read. Each holds any datagram, and
// many small ones of a client.
var buffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// A datagram is a UDP socket of the tunnel.
type datagram struct {
	client     *client
	id         uint64
	socket     *netstack.PacketConn
	connection *net.UnixConn
	outbox     *outbox

	// Only the goroutine that receives uses these.
	lost     uint64 // datagrams since the last report
	reported time.Time

	refused time.Time // when the client was last told that one could not be sent; only the goroutine that sends uses it
}

// datagram opens a UDP socket, whose datagrams the connection then carries in frames both ways.
func (c *client) datagram(connection *net.UnixConn, r *request) error {
	local, err := c.station.parseLocal(r.Address, r.Port)
	if err != nil {
		return err
	}
	raw, err := connection.SyscallConn()
	if err != nil {
		return err
	}
	s := c.station
	socket, err := s.config.Network.BindUDP(local)
	if err != nil {
		return err
	}
	defer func() { _ = socket.Close() }()
	d := &datagram{client: c, socket: socket, connection: connection, outbox: newOutbox(maxQueued)}
	if !s.addDatagram(d) {
		return tooMany("UDP sockets", s.config.limits.datagrams)
	}
	defer s.removeDatagram(d)
	address := socket.LocalAddrPort()
	if !s.answer(connection, bound{d.id, address.Addr().String(), address.Port()}) {
		return nil
	}
	var work sync.WaitGroup
	work.Go(func() {
		d.outbox.run(connection)
		_ = connection.Close() // the client does not read any more
	})
	work.Go(d.receive)
	if err := d.send(raw); err != nil {
		c.send(failedEvent{Event: "failed", Datagram: d.id, Errno: nameOf(err), Message: err.Error()})
	}
	_ = d.socket.Close()
	d.outbox.close()
	_ = connection.Close()
	work.Wait()
	d.reportLost(time.Now())
	return nil
}

func (s *Station) addDatagram(d *datagram) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.datagrams) >= s.config.limits.datagrams {
		return false
	}
	s.last++
	d.id = s.last
	s.datagrams[d.id] = d
	return true
}

func (s *Station) removeDatagram(d *datagram) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.datagrams, d.id)
}

// receive puts what arrives through the tunnel into the outbox, until the socket is closed.
func (d *datagram) receive() {
	for {
		if err := d.receiveOne(); err != nil {
			if !errors.Is(err, net.ErrClosed) {
				d.client.send(failedEvent{Event: "failed", Datagram: d.id, Errno: nameOf(err), Message: err.Error()})
				_ = d.connection.Close()
			}
			return
		}
		if d.lost > 0 {
			if now := time.Now(); now.Sub(d.reported) >= reportInterval {
				d.reportLost(now)
			}
		}
	}
}

// receiveOne waits for a datagram, and puts it into the outbox if there is room.
func (d *datagram) receiveOne() error {
	if err := d.socket.WaitReadable(); err != nil {
		return err
	}
	buffer := buffers.Get().(*[128 << 10]byte)
	defer buffers.Put(buffer)
	n, from, err := d.socket.ReadFromAddrPort(buffer[:maxPayload])
	if err != nil {
		return err
	}
	size := datagramLength + addressLength + from.Addr().BitLen()/8 + portLength + n
	if !d.outbox.put(size, func(to []byte) []byte { return appendDatagram(to, from, buffer[:n]) }) {
		d.lost++
		d.client.station.dropped.Add(1)
	}
	return nil
}

// reportLost tells the client how many datagrams were dropped since it was last told.
func (d *datagram) reportLost(now time.Time) {
	if d.lost > 0 {
		d.client.send(droppedEvent{"dropped", d.id, d.lost})
		d.lost, d.reported = 0, now
	}
}

// appendDatagram appends the frame of a datagram from or to an address.
func appendDatagram(to []byte, address netip.AddrPort, payload []byte) []byte {
	ip := address.Addr().AsSlice()
	to = binary.BigEndian.AppendUint16(to, uint16(addressLength+len(ip)+portLength+len(payload)))
	to = append(to, byte(len(ip)))
	to = append(to, ip...)
	to = binary.BigEndian.AppendUint16(to, address.Port())
	return append(to, payload...)
}

// cutDatagram takes the first frame off a text. ok is false if it is not all there. The error wraps EPROTO if it is
// not a datagram's.
func cutDatagram(text []byte) (address netip.AddrPort, payload, rest []byte, ok bool, err error) {
	if len(text) < datagramLength {
		return address, nil, text, false, nil
	}
	length := int(binary.BigEndian.Uint16(text))
	if len(text) > datagramLength {
		if size := int(text[datagramLength]); size != 4 && size != 16 {
			return address, nil, text, false, fmt.Errorf("an address of %d bytes in the frame of a datagram: %w", size, unix.EPROTO)
		} else if least := addressLength + size + portLength; length < least || length > least+maxPayload {
			return address, nil, text, false, fmt.Errorf("the frame of a datagram of %d bytes: %w", length, unix.EPROTO)
		}
	} else if length == 0 {
		return address, nil, text, false, fmt.Errorf("an empty frame in place of a datagram: %w", unix.EPROTO)
	}
	if len(text) < datagramLength+length {
		return address, nil, text, false, nil
	}
	frame, rest := text[datagramLength:datagramLength+length], text[datagramLength+length:]
	size := int(frame[0])
	ip, _ := netip.AddrFromSlice(frame[addressLength : addressLength+size]) // of a length that it accepts
	port := binary.BigEndian.Uint16(frame[addressLength+size:])
	return netip.AddrPortFrom(ip.Unmap(), port), frame[addressLength+size+portLength:], rest, true, nil
}

// send sends the datagrams of the client through the tunnel, until the client ends. It holds a buffer only while it has
// something to read.
func (d *datagram) send(raw syscall.RawConn) error {
	var rest []byte // the beginning of a frame that is not all there
	for {
		if err := raw.Read(isReadable); err != nil {
			return nil // the connection was closed here
		}
		buffer := buffers.Get().(*[128 << 10]byte)
		n, err := d.connection.Read(buffer[copy(buffer[:], rest):])
		text := buffer[:len(rest)+n]
		rest = rest[:0]
		if err == nil {
			text, err = d.sendAll(text)
			rest = append(rest, text...)
		}
		buffers.Put(buffer)
		if err != nil {
			if errors.Is(err, unix.EPROTO) {
				return err
			}
			return nil
		}
	}
}

// sendAll sends every datagram of a text, and returns what is left of it.
func (d *datagram) sendAll(text []byte) (rest []byte, err error) {
	for {
		address, payload, rest, ok, err := cutDatagram(text)
		if err != nil || !ok {
			return rest, err
		}
		text = rest
		err = d.client.station.config.Reachable(address.Addr())
		if err == nil {
			_, err = d.socket.WriteToAddrPort(payload, address)
		}
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, io.EOF
		case err != nil:
			d.tellRefused(address, err)
		}
	}
}

// tellRefused tells the client that a datagram could not be sent. Of many in a short time it tells one.
func (d *datagram) tellRefused(to netip.AddrPort, err error) {
	now := time.Now()
	if now.Sub(d.refused) < reportInterval {
		return
	}
	d.refused = now
	d.client.send(failedEvent{
		Event: "failed", Datagram: d.id, Address: to.Addr().String(), Port: to.Port(), Errno: nameOf(err), Message: err.Error(),
	})
}
