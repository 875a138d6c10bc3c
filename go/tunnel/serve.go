package tunnel

import (
	"errors"
	"io"
	"net"

	"golang.zx2c4.com/wireguard/ipc"
)

// The lines with which requests begin.
const (
	getOperation = "get=1\n"
	setOperation = "set=1\n"

	// aboutOperation is our own. Its answer says what this program is, not what the device is, so that answers to get
	// are the same as any engine's.
	aboutOperation = "wg_bridge=1\n"
)

// serve answers a client's requests, one after another, until it hangs up. It does what the engine's
// IpcHandle does, but holds nothing of the device while it waits for the client to send or to read. A
// request that is cut short changes nothing.
func (t *Tunnel) serve(connection net.Conn) {
	defer connection.Close()
	requests := requestReader{from: connection}
	for {
		request, err := requests.next()
		if err != nil {
			requests.take(len(requests.unread))
			if !errors.Is(err, io.EOF) && !t.isEnding() {
				t.log.Errorf("UAPI: %v", err)
			}
			return
		}
		answer := t.answer(request)
		requests.take(len(request))
		_, err = connection.Write(answer)
		clear(answer) // it may hold private keys
		if err != nil {
			return // the client is gone
		}
	}
}

// answer runs one whole request, as requestReader returns it, and returns the answer. The errors are
// the engine's, which it logs.
func (t *Tunnel) answer(request []byte) []byte {
	var answer secretText
	if last := request[len(request)-1]; last != '\n' {
		t.log.Errorf("UAPI: trailing character in UAPI get: %q", last)
		writeStatus(&answer, ipc.IpcErrorInvalid)
	} else if err := t.operate(request, &answer); err != nil {
		t.log.Errorf("UAPI: %v", err)
		writeStatus(&answer, ipc.IpcErrorUnknown)
	}
	return answer
}

// A secretText leaves no copy of itself behind when it grows.
type secretText []byte

func (s *secretText) Write(piece []byte) (int, error) {
	if needed := len(*s) + len(piece); needed > cap(*s) {
		grown := append(make([]byte, 0, needed+MinAnswer), *s...)
		clear(*s)
		*s = grown
	}
	*s = append(*s, piece...)
	return len(piece), nil
}
