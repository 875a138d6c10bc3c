package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Ports of a server.
const (
	streamPort   = "5001"
	datagramPort = "5002"
	httpPort     = "5003"
)

// The first byte of a connection says what it is for.
const (
	up   = 'u' // milliseconds follow, as a uint32: so long the server reads, and then answers with a count
	down = 'd' // the server writes until the client closes
	echo = 'e' // the server writes what it reads
)

// countSize is the length of a count: how many bytes have arrived, and in how many nanoseconds, each as a uint64. All
// numbers are big-endian.
const countSize = 16

// bufferSize is that of a read or a write, on both ends.
const bufferSize = 128 << 10

// page is the body of every HTTP answer.
var page = strings.Repeat("x", 1024)

// serve answers until ctx ends.
func serve(ctx context.Context, address string, output io.Writer) error {
	var config net.ListenConfig
	streams, err := config.Listen(ctx, "tcp", net.JoinHostPort(address, streamPort))
	if err != nil {
		return fmt.Errorf("cannot listen for streams: %w", err)
	}
	defer streams.Close()
	datagrams, err := config.ListenPacket(ctx, "udp", net.JoinHostPort(address, datagramPort))
	if err != nil {
		return fmt.Errorf("cannot listen for datagrams: %w", err)
	}
	defer datagrams.Close()
	requests, err := config.Listen(ctx, "tcp", net.JoinHostPort(address, httpPort))
	if err != nil {
		return fmt.Errorf("cannot listen for requests: %w", err)
	}
	defer requests.Close()
	pages := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, page)
		}),
	}
	failed := make(chan error, 3)
	go func() { failed <- serveStreams(streams) }()
	go func() { failed <- echoDatagrams(datagrams) }()
	go func() { failed <- pages.Serve(requests) }()
	if _, err := fmt.Fprintln(output, "ready"); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func serveStreams(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("cannot accept: %w", err)
		}
		go func() {
			defer conn.Close()
			_ = serveStream(conn) // the client measures, and reports what fails
		}()
	}
}

func serveStream(conn net.Conn) error {
	var purpose [1]byte
	if _, err := io.ReadFull(conn, purpose[:]); err != nil {
		return err
	}
	switch purpose[0] {
	case up:
		var limit [4]byte
		if _, err := io.ReadFull(conn, limit[:]); err != nil {
			return err
		}
		began := time.Now()
		total, err := drain(conn, time.Duration(binary.BigEndian.Uint32(limit[:]))*time.Millisecond)
		if err != nil {
			return err
		}
		count := binary.BigEndian.AppendUint64(nil, total)
		if _, err := conn.Write(binary.BigEndian.AppendUint64(count, uint64(time.Since(began)))); err != nil {
			return err
		}
		// To close with bytes that nobody has read would reset the connection, and lose the count.
		_, err = drain(conn, patience)
		return err
	case down:
		for chunk := make([]byte, bufferSize); ; {
			if _, err := conn.Write(chunk); err != nil {
				return err
			}
		}
	case echo:
		for chunk := make([]byte, 4096); ; {
			n, err := conn.Read(chunk)
			if err != nil {
				return err
			}
			if _, err := conn.Write(chunk[:n]); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("a stream is not for %q", purpose)
}

// drain reads for some time, or to the end, and returns how many bytes there were. io.Copy would read small pieces.
func drain(from net.Conn, limit time.Duration) (total uint64, err error) {
	if err := from.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return 0, err
	}
	for buffer := make([]byte, bufferSize); ; {
		n, err := from.Read(buffer)
		total += uint64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func echoDatagrams(conn net.PacketConn) error {
	for buffer := make([]byte, 65535); ; {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("cannot receive datagrams: %w", err)
		}
		// A datagram for which there is no room is lost, as on any path.
		_, _ = conn.WriteTo(buffer[:n], from)
	}
}
