package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/ipc"
)

// The lines with which requests begin.
const (
	getOperation = "get=1\n"
	setOperation = "set=1\n"
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
	var err error
	switch body, isSet := bytes.CutPrefix(request, []byte(setOperation)); {
	case isSet:
		err = t.device.IpcSetOperation(bytes.NewReader(body))
	case request[len(request)-1] != '\n':
		t.log.Errorf("UAPI: trailing character in UAPI get: %q", request[len(request)-1])
		return fmt.Appendf(nil, "errno=%d\n\n", ipc.IpcErrorInvalid)
	default:
		err = t.device.IpcGetOperation(&answer)
	}
	var code int64
	if refused := (*device.IPCError)(nil); errors.As(err, &refused) {
		code = refused.ErrorCode()
	} else if err != nil {
		t.log.Errorf("UAPI: %v", err)
		code = ipc.IpcErrorUnknown
	}
	fmt.Fprintf(&answer, "errno=%d\n\n", code)
	return answer
}

// statusRoom is what the line that ends an answer takes at most, in bytes.
const statusRoom = 64

// A secretText is written to, and leaves no copy of itself where it grows.
type secretText []byte

func (s *secretText) Write(piece []byte) (int, error) {
	if needed := len(*s) + len(piece); needed > cap(*s) {
		grown := append(make([]byte, 0, needed+statusRoom), *s...)
		clear(*s)
		*s = grown
	}
	*s = append(*s, piece...)
	return len(piece), nil
}
