package udp

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/inflight"
	"wg-bridge/go/pollable"
)

// enableTimestamps asks the kernel when each datagram arrived (SO_TIMESTAMPNS, socket(7)). If it does not say, no
// datagram is known to have waited.
func (s *socket) enableTimestamps(logf func(string, ...any)) {
	err := pollable.Control(s.raw, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	if s.stamped = err == nil; !s.stamped {
		logf("UDP bind: it is not known how long datagrams wait at %s: %v", s.local, err)
	}
}

// decodeTimestamp returns a struct timespec as nanoseconds since 1970. It returns 0 if data is too short for one.
func decodeTimestamp(data []byte) int64 {
	switch {
	case len(data) >= 16:
		return int64(binary.NativeEndian.Uint64(data))*int64(time.Second) + int64(binary.NativeEndian.Uint64(data[8:]))
	case len(data) >= 8: // of a system with 32 bits
		return int64(int32(binary.NativeEndian.Uint32(data)))*int64(time.Second) +
			int64(int32(binary.NativeEndian.Uint32(data[4:])))
	}
	return 0
}

// waitSince returns how long a message of this timestamp has waited by now, both in nanoseconds since 1970. The clock
// may have been set meanwhile: then one message seems to have waited for too long, or not at all.
func waitSince(stamp, now int64) inflight.Wait {
	if stamp == 0 {
		return 0
	}
	return inflight.WaitOf(time.Duration(now - stamp))
}
