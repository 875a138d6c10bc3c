package main

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
)

func TestASocketSendsATrainAtOnce(t *testing.T) {
	testbed.RequireSandbox(t)
	from, err := bindSocket(6021)
	if err != nil {
		t.Fatal(err)
	}
	defer from.close()
	to, err := bindSocket(6022)
	if err != nil {
		t.Fatal(err)
	}
	defer to.close()
	plain := bind(t, "127.0.0.1:6023")
	cargo := train{time.Now(), 2, []byte("aabbc")}

	// Who asks the kernel to join datagrams gets them as they were sent.
	from.send(cargo, &unix.SockaddrInet4{Port: 6022, Addr: loopback})
	buffer := make([]byte, 100)
	n, size, err := to.receive(buffer)
	if err != nil || string(buffer[:n]) != "aabbc" || size != 2 {
		t.Errorf("got %q in pieces of %d, %v", buffer[:n], size, err)
	}
	from.send(train{time.Now(), 2, []byte("dd")}, &unix.SockaddrInet4{Port: 6022, Addr: loopback})
	if n, size, err = to.receive(buffer); err != nil || string(buffer[:n]) != "dd" || size != 2 {
		t.Errorf("alone: got %q in pieces of %d, %v", buffer[:n], size, err)
	}

	// All others get each by itself.
	from.send(cargo, &unix.SockaddrInet4{Port: 6023, Addr: loopback})
	for _, want := range []string{"aa", "bb", "c"} {
		n, _, err := plain.ReadFrom(buffer)
		if err != nil || string(buffer[:n]) != want {
			t.Errorf("got %q, not %q, %v", buffer[:n], want, err)
		}
	}
}
