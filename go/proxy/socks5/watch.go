package socks5

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"wg-bridge/go/proxy"
)

// watch returns a context that ends when the client hangs up. A client waits for the reply to its request, so one that
// ends its side has gone. Some send the stream's first bytes at once; these are kept. The function that it returns
// ends the watch, and says whether the client has gone, or how to go on reading from it.
func watch(ctx context.Context, conn net.Conn) (watched context.Context, stop func() (client net.Conn, isGone bool)) {
	watched, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	first := make([]byte, 1)
	var length int
	var err error
	go func() {
		defer close(done)
		if length, err = conn.Read(first); length == 0 {
			cancel()
		}
	}()
	return watched, func() (net.Conn, bool) {
		cancel()
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
		<-done
		if length == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, true
		}
		return proxy.Begun(conn, first[:length]), conn.SetReadDeadline(time.Time{}) != nil
	}
}
