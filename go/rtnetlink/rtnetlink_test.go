package rtnetlink

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
)

func TestAttributesAreDecodedAsTheyWereAppended(t *testing.T) {
	encoded := AppendAttribute(nil, 1, []byte("odd"))
	encoded = AppendUint32(encoded, 2, 7)
	encoded = AppendAttribute(encoded, 3, nil)
	got := maps.Collect(Attributes(encoded))
	if len(got) != 3 || string(got[1]) != "odd" || !slices.Equal(got[2], AppendUint32(nil, 2, 7)[unix.SizeofRtAttr:]) || len(got[3]) != 0 {
		t.Errorf("read %v of %v", got, encoded)
	}
}

func TestAMessageIsDecodedAsItWasAppended(t *testing.T) {
	encoded := appendMessage(nil, unix.RTM_NEWLINK, unix.NLM_F_REQUEST, 9, []byte("payload"))
	message, sequence, err := decodeMessage(append(encoded, "more"...))
	if !slices.Equal(message, encoded) || sequence != 9 || err != nil {
		t.Errorf("read %q, %d, %v", message, sequence, err)
	}
}

func TestDamagedMessagesAreSurvived(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		datagram := appendMessage(nil, uint16(random.IntN(4)), 0, 9, AppendUint32(AppendAttribute(nil, 1, []byte("odd")), 2, 7))
		for range random.IntN(4) {
			datagram[random.IntN(len(datagram))] = byte(random.Uint32())
		}
		datagram = datagram[:random.IntN(len(datagram)+1)]
		message, _, err := decodeMessage(datagram)
		if err != nil && message != nil || len(message) > len(datagram) {
			t.Fatalf("%v is read as %v, %v", datagram, message, err)
		}
		for _, value := range Attributes(datagram) {
			if len(value) > len(datagram) {
				t.Fatalf("an attribute of %v has %d bytes", datagram, len(value))
			}
		}
	}
}

func TestAClientReportsTheKernelsErrnoAndStaysInStep(t *testing.T) {
	client, err := NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	payload := make([]byte, unix.SizeofIfInfomsg)
	absent := AppendAttribute(payload, unix.IFLA_IFNAME, []byte("nobody\x00"))
	for range 3 {
		_, err := client.Ask(unix.RTM_GETLINK, 0, absent)
		var errno Errno
		if !errors.Is(err, unix.ENODEV) || !errors.As(err, &errno) {
			t.Errorf("an absent interface is answered with %v", err)
		}
		loopback := AppendAttribute(payload, unix.IFLA_IFNAME, []byte("lo\x00"))
		if message, err := client.Ask(unix.RTM_GETLINK, 0, loopback); err != nil || len(message) < unix.SizeofNlMsghdr {
			t.Errorf("lo is answered with %v, %v", message, err)
		}
	}
}

func TestAClosedClientFailsWithErrClosed(t *testing.T) {
	client, err := NewClient()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, closed := range []*Client{client, nil} {
		if _, err := closed.Ask(unix.RTM_GETLINK, 0, nil); err != os.ErrClosed {
			t.Errorf("it returns %v", err)
		}
	}
}

func TestOnlyErrorsThatWillNotChangeMakeRtnetlinkUnavailable(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{os.NewSyscallError("socket", unix.EACCES), true},
		{os.NewSyscallError("socket", unix.EAFNOSUPPORT), true},
		{os.NewSyscallError("bind", unix.EPERM), true},
		{fmt.Errorf("watching: %w", os.NewSyscallError("socket", unix.EPROTONOSUPPORT)), true},
		{Errno{unix.EOPNOTSUPP}, true},
		{Errno{unix.EACCES}, false}, // a route that prohibits
		{Errno{unix.ENETUNREACH}, false},
		{os.NewSyscallError("socket", unix.EMFILE), false},
		{os.NewSyscallError("recvfrom", unix.ENOBUFS), false},
		{ErrMalformed, false},
		{nil, false},
	} {
		if got := IsUnavailable(test.err); got != test.want {
			t.Errorf("IsUnavailable(%v) = %v", test.err, got)
		}
	}
}

func TestAClientWorksWhereOnlyBindIsDenied(t *testing.T) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // Never unlocked: the filter ends with the thread.
		err := testbed.RefuseOnThread(unix.EACCES, unix.SYS_BIND, testbed.Argument{Index: 2, Value: unix.SizeofSockaddrNetlink})
		if err == nil {
			err = askForLoopback()
		}
		if _, denied := Open(0, unix.RTMGRP_LINK); !IsUnavailable(denied) {
			err = errors.Join(err, fmt.Errorf("Open with groups = %w", denied))
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func askForLoopback() error {
	client, err := NewClient()
	if err != nil {
		return err
	}
	defer client.Close()
	payload := AppendAttribute(make([]byte, unix.SizeofIfInfomsg), unix.IFLA_IFNAME, []byte("lo\x00"))
	_, err = client.Ask(unix.RTM_GETLINK, 0, payload)
	return err
}
