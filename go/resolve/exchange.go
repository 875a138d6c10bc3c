package resolve

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	serverPort = 53
	udpTimeout = 2 * time.Second // for each question to each server
	tcpTimeout = 5 * time.Second
	rounds     = 2 // how often a server that stays silent is asked
)

// The source ports of questions. Lower ones are left to programs, and to what they listen on.
const (
	firstPort = 1 << 15
	portTries = 8 // until the network may choose the port
)

// errSilent says that a server has not answered in time.
var errSilent = errors.New("did not answer in time")

// exchange asks the servers in order until one says what addresses there are, or that there are none.
func (r *Resolver) exchange(ctx context.Context, servers []netip.Addr, asked dnsmessage.Question) (reply, error) {
	var reasons []string
	var last error
	waiting := servers
	for range rounds {
		var silent []netip.Addr
		for _, server := range waiting {
			answer, err := r.ask(ctx, server, asked)
			if err == nil || errors.Is(err, errLoop) {
				return answer, err
			}
			if ctx.Err() != nil {
				return reply{}, context.Cause(ctx)
			}
			if errors.Is(err, errSilent) {
				silent = append(silent, server)
			}
			if reason := fmt.Sprintf("%v %v", server, err); len(reasons) == 0 || reasons[len(reasons)-1] != reason {
				reasons = append(reasons, reason)
			}
			last = err
		}
		waiting = silent
	}
	return reply{}, &serverError{reason: strings.Join(reasons, ", "), err: last}
}

// A serverError says what each server did instead of answering.
type serverError struct {
	reason string
	err    error
}

func (e *serverError) Error() string { return e.reason }

func (e *serverError) Unwrap() error { return e.err }

// ask asks one server, over UDP and if the answer is too long over TCP, and without EDNS if the server knows none.
func (r *Resolver) ask(ctx context.Context, server netip.Addr, asked dnsmessage.Question) (reply, error) {
	address := netip.AddrPortFrom(server, serverPort)
	var answer reply
	for _, extended := range []bool{true, false} {
		var err error
		if answer, err = r.askUDP(ctx, address, asked, extended); err != nil {
			return reply{}, err
		}
		if answer.truncated {
			if answer, err = r.askTCP(ctx, address, asked, extended); err != nil {
				return reply{}, fmt.Errorf("sent a truncated answer, and over TCP %w", err)
			}
			if answer.truncated {
				return reply{}, errors.New("sent a truncated answer over TCP")
			}
		}
		if !refusesEDNS(answer.rcode) {
			break
		}
	}
	switch {
	case answer.lame:
		return reply{}, errors.New("answered that it does not look up names of others")
	case answer.rcode != dnsmessage.RCodeSuccess && answer.rcode != dnsmessage.RCodeNameError:
		return reply{}, fmt.Errorf("answered %s", nameOf(answer.rcode))
	}
	return answer, nil
}

// badVersion is the extended result of a server that knows another version of EDNS.
const badVersion = 16

func refusesEDNS(rcode dnsmessage.RCode) bool {
	return rcode == dnsmessage.RCodeFormatError || rcode == dnsmessage.RCodeNotImplemented || rcode == badVersion
}

// nameOf returns a result's name in DNS's own terms.
func nameOf(rcode dnsmessage.RCode) string {
	switch rcode {
	case dnsmessage.RCodeFormatError:
		return "FORMERR"
	case dnsmessage.RCodeServerFailure:
		return "SERVFAIL"
	case dnsmessage.RCodeNotImplemented:
		return "NOTIMP"
	case dnsmessage.RCodeRefused:
		return "REFUSED"
	}
	return fmt.Sprintf("with result %d", rcode)
}

// randomUint16 returns an unpredictable number: what a forger off the path has to guess.
func randomUint16() uint16 {
	var bytes [2]byte
	_, _ = rand.Read(bytes[:]) // never fails
	return binary.NativeEndian.Uint16(bytes[:])
}

// bind opens a socket at a random port.
func (r *Resolver) bind(server netip.Addr) (PacketConn, error) {
	local := netip.IPv4Unspecified()
	if server.Is6() {
		local = netip.IPv6Unspecified()
	}
	for range portTries {
		conn, err := r.network.BindUDP(netip.AddrPortFrom(local, randomUint16()|firstPort))
		if !errors.Is(err, syscall.EADDRINUSE) {
			return conn, err
		}
	}
	return r.network.BindUDP(netip.AddrPortFrom(local, 0))
}

func (r *Resolver) askUDP(ctx context.Context, server netip.AddrPort, asked dnsmessage.Question, extended bool) (reply, error) {
	id := randomUint16()
	message, err := pack(id, asked, extended)
	if err != nil {
		return reply{}, err
	}
	conn, err := r.bind(server.Addr())
	if err != nil {
		return reply{}, fmt.Errorf("cannot be asked: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := conn.SetReadDeadline(time.Now().Add(udpTimeout)); err != nil {
		return reply{}, fmt.Errorf("cannot be asked: %w", err)
	}
	r.stats.queries.Add(1)
	if _, err := conn.WriteToAddrPort(message[2:], server); err != nil {
		return reply{}, fmt.Errorf("cannot be asked: %w", err)
	}
	buffer := make([]byte, 4096) // Some servers send more than they are offered.
	for {
		length, from, err := conn.ReadFromAddrPort(buffer)
		if isTimeout(err) {
			return reply{}, errSilent
		}
		if err != nil {
			return reply{}, fmt.Errorf("cannot be asked: %w", err)
		}
		if from.Port() != server.Port() || from.Addr().Unmap() != server.Addr() {
			continue
		}
		// A forged or damaged message must not keep the server's own from being read.
		answer, err := unpack(buffer[:length], id, asked)
		if err == nil || errors.Is(err, errLoop) {
			return answer, err
		}
	}
}

func (r *Resolver) askTCP(ctx context.Context, server netip.AddrPort, asked dnsmessage.Question, extended bool) (reply, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, tcpTimeout, errSilent)
	defer cancel()
	id := randomUint16()
	message, err := pack(id, asked, extended)
	if err != nil {
		return reply{}, err
	}
	answer, err := r.converse(ctx, server, message, id, asked)
	if err != nil && ctx.Err() != nil {
		return reply{}, context.Cause(ctx)
	}
	return answer, err
}

// converse sends a message over a connection of its own, and reads the answer.
func (r *Resolver) converse(
	ctx context.Context, server netip.AddrPort, message []byte, id uint16, asked dnsmessage.Question,
) (reply, error) {
	r.stats.queries.Add(1)
	conn, err := r.network.DialTCP(ctx, server)
	if err != nil {
		return reply{}, fmt.Errorf("could not be reached: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Write(message); err != nil {
		return reply{}, fmt.Errorf("could not be asked: %w", err)
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return reply{}, fmt.Errorf("sent no answer: %w", err)
	}
	buffer := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, buffer); err != nil {
		return reply{}, fmt.Errorf("sent half an answer: %w", err)
	}
	answer, err := unpack(buffer, id, asked)
	if err != nil && !errors.Is(err, errLoop) {
		return reply{}, fmt.Errorf("sent an answer that cannot be read: %w", err)
	}
	return answer, err
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
