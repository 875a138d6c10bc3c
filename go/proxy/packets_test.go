package proxy

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"
)

// scripted is a socket whose reads give texts, or errors.
type scripted struct{ reads []any }

func (s *scripted) ReadFromAddrPort(into []byte) (int, netip.AddrPort, error) {
	next := s.reads[0]
	s.reads = s.reads[1:]
	if err, isErr := next.(error); isErr {
		return 0, netip.AddrPort{}, err
	}
	return copy(into, next.(string)), netip.MustParseAddrPort("[::ffff:10.0.0.9]:53"), nil
}

func (s *scripted) WriteToAddrPort([]byte, netip.AddrPort) (int, error) { return 0, nil }

func (s *scripted) LocalAddrPort() netip.AddrPort { return netip.AddrPort{} }

func (s *scripted) SetReadDeadline(time.Time) error { return nil }

func (s *scripted) Close() error { return nil }

func TestReceiveOutlivesWhatEarlierDatagramsMet(t *testing.T) {
	refused := &net.OpError{Op: "read", Err: syscall.ECONNREFUSED}
	conn := &scripted{[]any{refused, "a", syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EMSGSIZE, "", "c", net.ErrClosed, "d"}}
	var got []string
	err := Receive(conn, 2, func(data []byte, from netip.AddrPort) {
		if from != netip.MustParseAddrPort("10.0.0.9:53") {
			t.Errorf("comes from %v", from)
		}
		got = append(got, string(data[2:]))
	})
	if !errors.Is(err, net.ErrClosed) || !slices.Equal(got, []string{"a", "", "c"}) {
		t.Errorf("received %q, %v", got, err)
	}
	if err := Receive(&scripted{[]any{syscall.EINVAL}}, 0, nil); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}
