package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A job says what to measure.
type job struct {
	To        string  `json:"to"`        // address and port of a server, or of what forwards to it
	Direction string  `json:"direction"` // "up" or "down"
	Streams   int     `json:"streams"`
	Seconds   float64 `json:"seconds"`
}

// A measurement is what a job finds.
type measurement struct {
	Bytes   uint64  `json:"bytes"`   // that arrived at the receiver
	Seconds float64 `json:"seconds"` // in which they did
	CPU     float64 `json:"cpu"`     // seconds of this process
}

// A dialer connects in a network.
type dialer func(ctx context.Context, to string) (net.Conn, error)

// patience is how long a job may take beyond its time.
const patience = 30 * time.Second

// measureAll does the jobs that it reads, to the end of the input.
func measureAll(ctx context.Context, network string, input io.Reader, output io.Writer) error {
	lines := bufio.NewReader(input)
	dial, closeNetwork, err := open(network, lines)
	if err != nil {
		return err
	}
	defer closeNetwork()
	return answer(lines, output, func(next job) (any, error) { return measure(ctx, dial, next) })
}

// measure does one job.
func measure(ctx context.Context, dial dialer, j job) (measurement, error) {
	if j.Streams < 1 || j.Seconds <= 0 || j.Direction != "up" && j.Direction != "down" {
		return measurement{}, fmt.Errorf("%+v is not a job", j)
	}
	duration := time.Duration(j.Seconds * float64(time.Second))
	ctx, cancel := context.WithTimeout(ctx, duration+patience)
	defer cancel()
	conns := make([]net.Conn, j.Streams)
	for i := range conns {
		conn, err := dial(ctx, j.To)
		if err != nil {
			return measurement{}, fmt.Errorf("cannot connect to %s: %w", j.To, err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	transfer := upload
	if j.Direction == "down" {
		transfer = download
	}
	var (
		running sync.WaitGroup
		counts  = make([]uint64, j.Streams)
		times   = make([]time.Duration, j.Streams)
		errs    = make([]error, j.Streams)
		before  = processorTime()
	)
	for i, conn := range conns {
		// An end that does not come must not be waited for without limit.
		if err := conn.SetDeadline(time.Now().Add(duration + patience)); err != nil {
			return measurement{}, fmt.Errorf("cannot set a deadline: %w", err)
		}
		running.Go(func() { counts[i], times[i], errs[i] = transfer(conn, duration) })
	}
	running.Wait()
	found := measurement{Seconds: slices.Max(times).Seconds(), CPU: processorTime() - before}
	for _, count := range counts {
		found.Bytes += count
	}
	return found, errors.Join(errs...)
}

// upload writes for some time, and returns how many bytes arrived within it at the server, and how long that was. What
// then is still on its way does not count: some networks take bytes long before they send them.
func upload(conn net.Conn, duration time.Duration) (uint64, time.Duration, error) {
	request := binary.BigEndian.AppendUint32([]byte{up}, uint32(duration.Milliseconds()))
	if _, err := conn.Write(request); err != nil {
		return 0, 0, fmt.Errorf("cannot begin to send: %w", err)
	}
	answered := make(chan error, 1)
	var count [countSize]byte
	go func() {
		_, err := io.ReadFull(conn, count[:])
		// A write that waits for room need wait no more.
		answered <- errors.Join(err, conn.SetWriteDeadline(time.Now()))
	}()
	for chunk := make([]byte, bufferSize); ; {
		_, err := conn.Write(chunk)
		if err == nil {
			continue
		}
		if answer := <-answered; answer != nil {
			return 0, 0, fmt.Errorf("cannot send, and the server does not say how much arrived: %w", errors.Join(err, answer))
		}
		break
	}
	elapsed := time.Duration(binary.BigEndian.Uint64(count[8:]))
	return binary.BigEndian.Uint64(count[:]), elapsed, nil
}

// download reads for some time, and returns how many bytes came, and how long it was.
func download(conn net.Conn, duration time.Duration) (total uint64, elapsed time.Duration, err error) {
	began := time.Now()
	buffer := make([]byte, bufferSize)
	if _, err := conn.Write([]byte{down}); err != nil {
		return 0, 0, fmt.Errorf("cannot ask for bytes: %w", err)
	}
	for time.Since(began) < duration {
		n, err := conn.Read(buffer)
		total += uint64(n)
		if err != nil {
			return 0, 0, fmt.Errorf("cannot receive: %w", err)
		}
	}
	return total, time.Since(began), nil
}

// processorTime returns how long this process has computed, in seconds.
func processorTime() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(os.NewSyscallError("getrusage", err)) // only arguments that are wrong fail
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
