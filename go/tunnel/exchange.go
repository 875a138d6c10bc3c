package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/device"
)

// Exchange runs one request of the configuration protocol and returns the whole answer, which ends
// with "errno=N" and an empty line. The request is "get=1" or "set=1" with its lines, and the empty
// line that ends it. Anything else gives an error that wraps EPROTO, an ended tunnel one that wraps
// ENODEV. Source: https://www.wireguard.com/xplatform/.
func (t *Tunnel) Exchange(request string) ([]byte, error) {
	if t.isEnding() {
		return nil, t.endedError()
	}
	operation, body, _ := strings.Cut(request, "\n")
	var answer bytes.Buffer
	var err error
	switch {
	case operation == "get=1" && body == "\n":
		err = t.device.IpcGetOperation(&answer)
	case operation == "set=1" && strings.HasSuffix("\n"+body, "\n\n"):
		err = t.device.IpcSetOperation(strings.NewReader(body))
	default:
		return nil, fmt.Errorf("not a whole UAPI request: it must begin with get=1 or set=1 and end with an empty line: %w", unix.EPROTO)
	}
	if t.isEnding() {
		// The device may have been taken away meanwhile: what it says then is not what the tunnel was.
		clear(answer.Bytes())
		return nil, t.endedError()
	}
	var code int64
	if refused := (*device.IPCError)(nil); errors.As(err, &refused) {
		code = refused.ErrorCode()
	} else if err != nil {
		return nil, fmt.Errorf("configuring %s: %w", t.name, err)
	}
	fmt.Fprintf(&answer, "errno=%d\n\n", code)
	return answer.Bytes(), nil
}

func (t *Tunnel) endedError() error {
	return fmt.Errorf("tunnel %s has ended (%s): %w", t.name, t.end, unix.ENODEV)
}

func (t *Tunnel) isEnding() bool {
	select {
	case <-t.ending:
		return true
	default:
		return false
	}
}
