package station

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

const (
	frameHeader = 4
	// maxFrame is the maximum length in bytes of a frame's JSON that a client may send.
	maxFrame = 65536
)

// readFrame reads one frame, and nothing that follows it. The error is io.EOF if there is none. A frame that is empty
// or too long gives an error that wraps EPROTO, and its JSON is not read.
func readFrame(from io.Reader) ([]byte, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(header[:])
	if length == 0 || length > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes: it must have 1 to %d: %w", length, maxFrame, unix.EPROTO)
	}
	// The buffer grows with what arrives, so a client that promises much and sends little takes little.
	var text bytes.Buffer
	if n, err := io.Copy(&text, io.LimitReader(from, int64(length))); err != nil {
		return nil, err
	} else if n < int64(length) {
		return nil, io.ErrUnexpectedEOF
	}
	return text.Bytes(), nil
}

// appendFrame appends the frame of a value to a buffer.
func appendFrame(to []byte, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return to, fmt.Errorf("writing a frame: %w", err)
	}
	to = binary.BigEndian.AppendUint32(to, uint32(len(text)))
	return append(to, text...), nil
}

// writeFrame writes the frame of a value.
func writeFrame(to io.Writer, value any) error {
	frame, err := appendFrame(nil, value)
	if err != nil {
		return err
	}
	_, err = to.Write(frame)
	return err
}
