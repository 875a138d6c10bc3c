package tunnel

import (
	"fmt"
	"time"

	"wg-bridge/go/accepting"
	"wg-bridge/go/descriptors"
)

const (
	// portAttempts bound how often a port is put back, portPause what lies between two attempts.
	portAttempts = 20
	portPause    = 100 * time.Millisecond
)

// keepPort puts a port back after another was refused. The engine closes a running tunnel's sockets
// before it opens others, and if these cannot be opened it forgets its port. In the kernel
// `wg set wg0 listen-port` of a port in use is an error that changes nothing, and so is setting up an
// interface whose port is in use.
//
// refused could not be opened; former was open until then, or 0. The engine calls this while it holds
// its locks: what is to be done is done once it has let go, and before it answers the next request.
func (t *Tunnel) keepPort(refused, former uint16) {
	port := former
	if port == 0 {
		port = refused
	}
	short := descriptors.Require(bindDescriptors) != nil
	t.mu.Lock()
	defer t.mu.Unlock()
	if port == 0 && !short || t.connections == nil || t.keepingPort {
		return // Any port is fine, the tunnel ends, or a port is being put back.
	}
	t.keepingPort = true
	t.handlers.Go(func() {
		if short {
			t.awaitDescriptors()
		}
		if port != 0 {
			t.putBack(port)
		}
		if short {
			t.bringUp()
		}
		t.mu.Lock()
		t.keepingPort = false
		t.mu.Unlock()
	})
}

// awaitDescriptors returns once there are descriptors for the sockets again, or the tunnel ends.
func (t *Tunnel) awaitDescriptors() {
	for pause := accepting.NextPause(0); descriptors.Require(bindDescriptors) != nil; pause = accepting.NextPause(pause) {
		select {
		case <-t.ending:
			return
		case <-time.After(pause):
		}
	}
}

// bringUp sets the device up if it should be: the engine tries only when the interface goes up. If it fails
// because descriptors have run out, it waits for them again.
func (t *Tunnel) bringUp() {
	for t.bind.Port() == 0 && t.packets.IsUp() && !t.isEnding() {
		if t.device.Up() == nil || descriptors.Require(bindDescriptors) == nil {
			return
		}
		t.awaitDescriptors()
	}
}

func (t *Tunnel) putBack(port uint16) {
	for range portAttempts {
		if t.bind.Port() != 0 || t.isEnding() {
			return // Another one was chosen meanwhile, or none is needed any more.
		}
		if t.device.IpcSet(fmt.Sprintf("listen_port=%d\n", port)) == nil {
			return
		}
		select {
		case <-t.ending:
			return
		case <-time.After(portPause):
		}
	}
}
