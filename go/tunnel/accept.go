package tunnel

import (
	"fmt"
	"net"

	"wg-bridge/go/accepting"
	"wg-bridge/go/uapi"
)

// accept serves the connections of the UAPI socket until the tunnel ends, or the socket is gone.
func (t *Tunnel) accept(listener *uapi.Listener) {
	log := accepting.Log{Verbosef: t.log.Verbosef, Errorf: t.log.Errorf}
	if err := accepting.Loop(listener, "The UAPI socket", log, t.ending, t.admit); err != nil {
		t.accepted <- fmt.Errorf("accepting on the UAPI socket of %s: %w", t.name, err)
	}
}

// admit serves the connection in a goroutine, unless the tunnel is ending.
func (t *Tunnel) admit(connection net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.connections == nil {
		_ = connection.Close() // never used
		return
	}
	t.connections[connection] = struct{}{}
	t.handlers.Go(func() { t.handle(connection) })
}
