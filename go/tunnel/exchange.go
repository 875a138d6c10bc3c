package tunnel

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/device"
)

// MinAnswer is the room in bytes that an answer to a set needs at most.
const MinAnswer = 64

// Exchange runs one request of the configuration protocol and puts the whole answer into answer, which
// ends with "errno=N" and an empty line. It returns the answer's length. The request is "get=1" or
// "set=1" with its lines, and the empty line that ends it. Anything else gives an error that wraps EPROTO,
// an ended tunnel one that wraps ENODEV. An answer that does not fit, or that has less room than MinAnswer,
// gives one that wraps ERANGE; nothing has been changed then, and nothing of it is in answer.
//
// Both may hold private keys: nothing here keeps a copy. Source: https://www.wireguard.com/xplatform/.
func (t *Tunnel) Exchange(request, answer []byte) (int, error) {
	if t.isEnding() {
		return 0, t.endedError()
	}
	if len(answer) < MinAnswer {
		return 0, tooSmall(len(answer), MinAnswer)
	}
	if !isWhole(request) {
		return 0, fmt.Errorf("not one whole UAPI request: it must begin with get=1 or set=1, and end with its only empty line: %w", unix.EPROTO)
	}
	written := room{into: answer}
	var err error
	if operation, body, _ := bytes.Cut(request, newline); string(operation) == "get=1" {
		err = t.device.IpcGetOperation(&written)
	} else {
		err = t.device.IpcSetOperation(bytes.NewReader(body))
	}
	if t.isEnding() {
		// The device may have been taken away meanwhile: what it says then is not what the tunnel was.
		clear(answer)
		return 0, t.endedError()
	}
	var code int64
	if refused := (*device.IPCError)(nil); errors.As(err, &refused) {
		code = refused.ErrorCode()
	} else if err != nil {
		return 0, fmt.Errorf("configuring %s: %w", t.name, err)
	}
	fmt.Fprintf(&written, "errno=%d\n\n", code)
	if written.needed > len(answer) {
		clear(answer)
		return 0, tooSmall(len(answer), written.needed)
	}
	return written.needed, nil
}

var newline = []byte("\n")

// isWhole reports whether request is one operation with its only empty line at its end. The engine would
// drop whatever follows an empty line without a word, and for it a line of "\r" is empty too.
func isWhole(request []byte) bool {
	if string(request) == "get=1\n\n" {
		return true
	}
	return bytes.HasPrefix(request, []byte("set=1\n")) &&
		bytes.Index(request, []byte("\n\n")) == len(request)-2 &&
		!bytes.Contains(request, []byte("\n\r\n"))
}

// A room takes what fits into a caller's memory, and counts what would have to.
type room struct {
	into   []byte
	needed int
}

func (r *room) Write(piece []byte) (int, error) {
	if r.needed < len(r.into) {
		copy(r.into[r.needed:], piece)
	}
	r.needed += len(piece)
	return len(piece), nil
}

func tooSmall(size, needed int) error {
	return fmt.Errorf("a buffer of %d bytes is too small for %d: %w", size, needed, unix.ERANGE)
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
