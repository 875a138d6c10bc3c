package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxRequest is the longest request in bytes: more than 65,536 peers, the most that a device has, need
// with every field and a dozen allowed IPs each.
const maxRequest = 64 << 20

// keptCapacity is the largest buffer in bytes that a connection keeps between two requests.
const keptCapacity = 64 << 10

// Errors of requests that are not even read to their end.
var (
	errOperation = errors.New("not a UAPI operation")
	errCutShort  = errors.New("the client hung up before the empty line that ends a request")
	errTooLong   = fmt.Errorf("a UAPI request is longer than %d bytes", maxRequest)
)

// A requestReader takes whole requests from a connection. The engine itself reads a request line by line,
// and as long as that takes nobody else can configure the device, nor end it. So it gets a request only
// once all of it is here, however slowly it comes.
type requestReader struct {
	from   io.Reader
	unread []byte // what has been read of the connection, and is not yet taken
}

// next returns the next request: the line that names the operation, and what follows it up to the end. The
// memory is the reader's, until taken. The error is io.EOF if the client hung up between two requests.
func (r *requestReader) next() ([]byte, error) {
	scanned := 0 // whole lines before it, none of them the request's last
	for {
		end, err := endOfRequest(r.unread, &scanned)
		if err != nil {
			return nil, err
		}
		if end > 0 {
			return r.unread[:end], nil
		}
		if len(r.unread) >= maxRequest {
			return nil, errTooLong
		}
		if err := r.read(); err != nil {
			if errors.Is(err, io.EOF) && len(r.unread) > 0 {
				return nil, errCutShort
			}
			return nil, err
		}
	}
}

// take forgets the request of so many bytes that next returned.
func (r *requestReader) take(length int) {
	rest := copy(r.unread, r.unread[length:])
	clear(r.unread[rest:]) // it may have held keys
	r.unread = r.unread[:rest]
	if rest == 0 && cap(r.unread) > keptCapacity {
		r.unread = nil
	}
}

func (r *requestReader) read() error {
	if len(r.unread) == cap(r.unread) {
		grown := make([]byte, len(r.unread), max(4096, 2*cap(r.unread)))
		copy(grown, r.unread)
		clear(r.unread) // it may hold keys
		r.unread = grown
	}
	n, err := r.from.Read(r.unread[len(r.unread):cap(r.unread)])
	r.unread = r.unread[:len(r.unread)+n]
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// endOfRequest returns the length of the request at the start of text, or 0 if its end has not come. It
// looks on from scanned, which it moves over the lines that it has seen.
func endOfRequest(text []byte, scanned *int) (int, error) {
	for {
		length := bytes.IndexByte(text[*scanned:], '\n') + 1
		if length == 0 {
			if *scanned == 0 && len(text) > len(aboutOperation) {
				return 0, errOperation
			}
			return 0, nil
		}
		first, line := *scanned == 0, text[*scanned:*scanned+length]
		switch {
		case first && (string(line) == getOperation || string(line) == aboutOperation):
			// The engine looks at one more character, which must end an empty line.
			if len(text) == length {
				return 0, nil
			}
			return length + 1, nil
		case first && string(line) != setOperation:
			return 0, errOperation
		case !first && len(bytes.TrimSuffix(line[:length-1], []byte("\r"))) == 0:
			return *scanned + length, nil
		}
		*scanned += length
	}
}
