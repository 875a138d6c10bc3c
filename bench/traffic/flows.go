package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A flow is a steady sequence of datagrams, as a call, a game or a video sends.
type flow struct {
	Rate float64 `json:"rate"` // datagrams a second
	Size int     `json:"size"` // bytes of payload
}

// A flowJob says which flows to send.
type flowJob struct {
	Flows   []flow  `json:"flows"`
	Seconds float64 `json:"seconds"`
}

// A datagram of a flow begins with the flow's index, its own number as a uint32, and when it was sent, in nanoseconds by the
// monotonic clock, as a uint64. Both programs run on one machine, so they have one clock. All numbers are big-endian.
const flowHeader = 1 + 4 + 8

// maxFlowSize is the longest payload of a flow's datagram.
const maxFlowSize = 1400

// A slot is the time of one datagram.
type slot struct {
	at     time.Duration // after the first
	flow   int
	number uint32
}

// slots returns when each datagram of the flows is due. The flows do not begin together: datagrams of equal rates would
// otherwise always meet.
func (j flowJob) slots() func() (slot, bool) {
	next := make([]uint32, len(j.Flows))
	end := time.Duration(j.Seconds * float64(time.Second))
	return func() (slot, bool) {
		first := slot{at: end}
		found := false
		for i, one := range j.Flows {
			share := float64(i+1) / float64(len(j.Flows)+1)
			at := time.Duration((float64(next[i]) + share) / one.Rate * float64(time.Second))
			if at < first.at {
				first, found = slot{at, i, next[i]}, true
			}
		}
		if found {
			next[first.flow]++
		}
		return first, found
	}
}

// sendFlows sends flows to an address as it is asked to, and answers how many datagrams of each it sent.
func sendFlows(ctx context.Context, to string, input io.Reader, output io.Writer) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", to)
	if err != nil {
		return fmt.Errorf("cannot send flows: %w", err)
	}
	defer conn.Close()
	return answer(input, output, func(next flowJob) (any, error) {
		for _, one := range next.Flows {
			if one.Rate <= 0 || one.Size < flowHeader || one.Size > maxFlowSize {
				return nil, fmt.Errorf("%+v is not a flow", one)
			}
		}
		sent := make([]int, len(next.Flows))
		payload := make([]byte, maxFlowSize)
		began, slots := time.Now(), next.slots()
		for one, ok := slots(); ok; one, ok = slots() {
			time.Sleep(time.Until(began.Add(one.at)))
			payload[0] = byte(one.flow)
			binary.BigEndian.PutUint32(payload[1:], one.number)
			binary.BigEndian.PutUint64(payload[5:], monotonic())
			_, _ = conn.Write(payload[:next.Flows[one.flow].Size]) // what finds no room is lost
			sent[one.flow]++
		}
		return map[string][]int{"sent": sent}, nil
	})
}

// receiveFlows receives flows at an address, and answers each line by what has arrived of each flow, by its index.
func receiveFlows(ctx context.Context, at string, input io.Reader, output io.Writer) error {
	var config net.ListenConfig
	conn, err := config.ListenPacket(ctx, "udp", at)
	if err != nil {
		return fmt.Errorf("cannot receive flows: %w", err)
	}
	defer conn.Close()
	var mutex sync.Mutex
	records := map[byte]flowRecord{}
	go func() {
		for buffer := make([]byte, maxFlowSize); ; {
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				return // the input has ended
			}
			if n < flowHeader {
				continue
			}
			delay := time.Duration(monotonic() - binary.BigEndian.Uint64(buffer[5:]))
			mutex.Lock()
			if records[buffer[0]] == nil {
				records[buffer[0]] = flowRecord{}
			}
			records[buffer[0]][binary.BigEndian.Uint32(buffer[1:])] = delay
			mutex.Unlock()
		}
	}()
	return answer(input, output, func(struct{}) (any, error) {
		mutex.Lock()
		defer mutex.Unlock()
		summaries := map[byte]flowSummary{}
		for flow, record := range records {
			summaries[flow] = record.summary()
		}
		return map[string]any{"flows": summaries}, nil
	})
}

// monotonic reads a clock that all processes of a machine share.
func monotonic() uint64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // every Linux has it
	}
	return uint64(now.Nano())
}

// answer prints that it is ready, and answers each question that it reads, to the end of the input.
func answer[Question any](input io.Reader, output io.Writer, work func(Question) (any, error)) error {
	if _, err := fmt.Fprintln(output, "ready"); err != nil {
		return err
	}
	answers := json.NewEncoder(output)
	for questions := json.NewDecoder(input); ; {
		var next Question
		if err := questions.Decode(&next); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("cannot read a job: %w", err)
		}
		found, err := work(next)
		if err != nil {
			return err
		}
		if err := answers.Encode(found); err != nil {
			return fmt.Errorf("cannot answer: %w", err)
		}
	}
}
