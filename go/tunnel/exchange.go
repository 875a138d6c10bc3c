package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/device"

	"wg-bridge/go/cipher"
)

// MinAnswer is the maximum length in bytes of an answer to a set.
const MinAnswer = 64

// Exchange runs one request of the configuration protocol and puts the whole answer into answer, which
// ends with "errno=N" and an empty line. It returns the answer's length. The request is "get=1", "wg_bridge=1" or
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
		return 0, fmt.Errorf("not one whole UAPI request: it must begin with get=1, set=1 or wg_bridge=1, and end with its only empty line: %w", unix.EPROTO)
	}
	written := room{into: answer}
	err := t.operate(request, &written)
	if t.isEnding() {
		// The device may have been taken away meanwhile: what it says then is not what the tunnel was.
		clear(answer)
		return 0, t.endedError()
	}
	if err != nil {
		return 0, fmt.Errorf("configuring %s: %w", t.name, err)
	}
	if written.needed > len(answer) {
		clear(answer)
		return 0, tooSmall(len(answer), written.needed)
	}
	return written.needed, nil
}

// operate has the engine run one whole request and writes the answer, up to its line "errno=N" and an empty
// one. After an error for which the protocol has no number, that line is missing.
func (t *Tunnel) operate(request []byte, answer io.Writer) error {
	var err error
	if string(request) == aboutOperation+"\n" {
		fmt.Fprintf(answer, "cipher=%s\n", cipher.Name())
	} else if body, isSet := bytes.CutPrefix(request, []byte(setOperation)); isSet {
		err = t.device.IpcSetOperation(bytes.NewReader(body))
		if t.configured != nil {
			t.configured() // a set that is refused half-way has changed something as well
		}
	} else {
		err = t.device.IpcGetOperation(answer)
	}
	var code int64
	if refused := (*device.IPCError)(nil); errors.As(err, &refused) {
		code = refused.ErrorCode()
	} else if err != nil {
		return err
	}
	writeStatus(answer, code)
	return nil
}

func writeStatus(answer io.Writer, code int64) { fmt.Fprintf(answer, "errno=%d\n\n", code) }

// isWhole reports whether request is one operation with its only empty line at its end. The engine would
// drop whatever follows an empty line without a word, and for it a line of "\r" is empty too.
func isWhole(request []byte) bool {
	if operation := string(request); operation == getOperation+"\n" || operation == aboutOperation+"\n" {
		return true
	}
	return bytes.HasPrefix(request, []byte(setOperation)) &&
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
