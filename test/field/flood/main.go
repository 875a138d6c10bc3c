// Flood sends UDP datagrams at a fixed rate, whether or not anything receives them.
//
//	flood [-size BYTES] [-rate PER-SECOND] [-tick DURATION] [-seconds N] [-destinations N] [-each]
//	      [-joined N | -receiver INDEX|random] ADDRESS:PORT
//	flood capture PORT
//
// It prints one line of JSON: how many datagrams the rate asks for, how many the kernel accepted, and how many it
// refused because the socket's buffer was full. A refused datagram is not sent again, so that the rate is the same for
// every program under test. Each -tick, all datagrams that are due are sent in a burst. -destinations also floods the
// addresses that follow ADDRESS, a datagram to each in turn, or, with -each, one after the other, -seconds for each.
// -receiver turns the datagrams into WireGuard data messages for that receiver index, with random bytes instead of a
// packet.
//
// With capture, it prints the receiver index of the first data message to PORT that it sees in this namespace.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// defaultTick is how often due datagrams are sent. A burst costs less than a steady rate, and its receiver finds many
// datagrams at once.
const defaultTick = 4 * time.Millisecond

// backlog is how far back a sender that was not scheduled catches up. Datagrams that were due earlier are skipped.
const backlog = 50 * time.Millisecond

// captureTimeout is how long to wait for a data message.
const captureTimeout = 10 * time.Second

// result is the outcome of a flood, in datagrams.
type result struct {
	Offered int `json:"offered"`
	Sent    int `json:"sent"`
	Refused int `json:"refused"`
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
}

func run(args []string, output io.Writer) error {
	if len(args) == 2 && args[0] == "capture" {
		port, err := strconv.ParseUint(args[1], 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a port", args[1])
		}
		index, err := captureReceiver(uint16(port), captureTimeout)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(output, index)
		return err
	}
	flood, err := parse(args)
	if err != nil {
		return err
	}
	sent, err := flood.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(output).Encode(sent)
}

// flood describes what to send.
type flood struct {
	destinations []netip.AddrPort
	// each floods the destinations one after the other instead of in turn.
	each    bool
	size    int
	joined  int     // datagrams a write
	rate    float64 // datagrams a second
	tick    time.Duration
	seconds float64
	fill    filler
}

func parse(args []string) (flood, error) {
	flags := flag.NewFlagSet("flood", flag.ContinueOnError)
	size := flags.Int("size", 1372, "payload in bytes")
	rate := flags.Float64("rate", 10_000, "datagrams a second")
	tick := flags.Duration("tick", defaultTick, "how often what is due is sent, in a burst")
	seconds := flags.Float64("seconds", 1, "how long")
	count := flags.Int("destinations", 1, "how many addresses, from ADDRESS on")
	each := flags.Bool("each", false, "flood the destinations one after the other")
	joined := flags.Int("joined", 1, "datagrams in a write, which the kernel segments")
	receiver := flags.String("receiver", "", "send data messages for this receiver index, or for random ones")
	if err := flags.Parse(args); err != nil {
		return flood{}, err
	}
	first, err := netip.ParseAddrPort(flags.Arg(0))
	if err != nil || !first.Addr().Is4() || flags.NArg() != 1 {
		return flood{}, errors.New("one IPv4 ADDRESS:PORT must follow the options")
	}
	if *size < 1 || *size > 65507 || *rate <= 0 || *tick <= 0 || *tick > backlog || *seconds <= 0 || *count < 1 {
		return flood{}, errors.New("an option is out of range")
	}
	if *joined < 1 || *joined**size > 65507 || *joined > 1 && *receiver != "" {
		return flood{}, errors.New("so many datagrams cannot be joined")
	}
	fill, err := fillerFor(*receiver, *size)
	if err != nil {
		return flood{}, err
	}
	destinations := make([]netip.AddrPort, 0, *count)
	for addr := first.Addr(); len(destinations) < *count; addr = addr.Next() {
		destinations = append(destinations, netip.AddrPortFrom(addr, first.Port()))
	}
	return flood{destinations, *each, *size, *joined, *rate, *tick, *seconds, fill}, nil
}

func (f flood) run() (result, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return result{}, fmt.Errorf("cannot open a socket: %w", err)
	}
	defer unix.Close(socket)
	if f.joined > 1 {
		if err := unix.SetsockoptInt(socket, unix.SOL_UDP, unix.UDP_SEGMENT, f.size); err != nil {
			return result{}, fmt.Errorf("cannot join datagrams: %w", err)
		}
	}
	addresses := make([]unix.Sockaddr, len(f.destinations))
	for i, destination := range f.destinations {
		addresses[i] = &unix.SockaddrInet4{Port: int(destination.Port()), Addr: destination.Addr().As4()}
	}
	if !f.each {
		return f.send(socket, addresses)
	}
	var sum result
	for i := range addresses {
		one, err := f.send(socket, addresses[i:i+1])
		if err != nil {
			return result{}, err
		}
		sum.Offered += one.Offered
		sum.Sent += one.Sent
		sum.Refused += one.Refused
	}
	return sum, nil
}

// send sends for the flood's seconds, a datagram to each address in turn.
func (f flood) send(socket int, addresses []unix.Sockaddr) (result, error) {
	sum := result{Offered: int(f.rate*f.seconds) / f.joined * f.joined}
	datagram := make([]byte, f.size*f.joined)
	began := time.Now()
	duration := time.Duration(f.seconds * float64(time.Second))
	burst := max(1, int(f.rate*backlog.Seconds()))
	for due, passed := 0, 0; passed+f.joined <= sum.Offered; {
		time.Sleep(f.tick)
		due = min(sum.Offered, int(f.rate*time.Since(began).Seconds()))
		passed = max(passed, due-burst)
		for ; passed+f.joined <= due; passed += f.joined {
			f.fill(datagram)
			err := unix.Sendto(socket, datagram, 0, addresses[passed/f.joined%len(addresses)])
			switch {
			case err == nil:
				sum.Sent += f.joined
			case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOBUFS):
				sum.Refused += f.joined
			default:
				return result{}, fmt.Errorf("cannot send: %w", err)
			}
		}
		if time.Since(began) > duration+time.Second {
			break
		}
	}
	return sum, nil
}
