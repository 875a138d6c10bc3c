package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	up   = 'u' // the server reads to the end, and answers how many bytes it has read, as a big-endian uint64
	down = 'd' // the server writes until the client closes
	echo = 'e' // the server writes what it reads
)

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

func serveStream(conn io.ReadWriter) error {
	var purpose [1]byte
	if _, err := io.ReadFull(conn, purpose[:]); err != nil {
		return err
	}
	switch purpose[0] {
	case up:
		total, err := drain(conn)
		if err != nil {
			return err
		}
		_, err = conn.Write(binary.BigEndian.AppendUint64(nil, total))
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

// drain reads to the end, and returns how many bytes there were. io.Copy would read them in small pieces.
func drain(from io.Reader) (total uint64, err error) {
	for buffer := make([]byte, bufferSize); ; {
		n, err := from.Read(buffer)
		total += uint64(n)
		if errors.Is(err, io.EOF) {
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
