//go:build !race

// What takes too long with the race detector on a busy machine, or measures memory.

package station

import (
	"errors"
	"io"
	"testing"
	"time"
)

func TestLoadOfAThousandStreamsAtOnce(t *testing.T) { openAtOnce(t, 1000) }

func TestLoadOfAClientThatDoesNotReadHoldsUpTheFarEndAndTakesNoMemory(t *testing.T) {
	p := newPair(t, nil)
	p.control(t)
	listener := p.listen(t, far4)
	stream, _ := p.connect(t, listener.Local())
	conn := accept(t, listener)
	before := held()
	const size = 200 << 20
	written := make(chan error, 1)
	go func() {
		_, err := io.Copy(struct{ io.Writer }{conn}, io.LimitReader(endless{}, size))
		written <- errors.Join(err, conn.CloseWrite())
	}()
	select {
	case err := <-written:
		t.Fatalf("the far end could write everything: %v", err)
	case <-time.After(2 * time.Second): // long enough for all of it, if somebody read
	}
	if grown := held() - before; grown > 40<<20 { // both ends' buffers
		t.Errorf("%d bytes are held", grown)
	}
	if n, err := io.Copy(io.Discard, stream); n != size || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if err := await(t, written, "the end of the writing"); err != nil {
		t.Error(err)
	}
}
