package soak

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"sync"
)

// tracing makes a Go runtime collect garbage often, and print a line for each collection.
var tracing = [...]string{"GODEBUG=gctrace=1", "GOGC=5"}

// forcedLine is printed before the line of a collection that was due for its time alone.
const forcedLine = "GC forced"

// tracedLine matches the line of a collection. "27->27->26 MB" are the heap at its start, at its end, and the live
// heap. Source: the documentation of Go's runtime package.
var tracedLine = regexp.MustCompile(`^gc \d+ @.* \d+->\d+->(\d+) MB`)

// collections counts the garbage collections that a program reports on standard error, and passes every other line
// on to rest.
type collections struct {
	rest io.Writer

	mu       sync.Mutex
	buffered []byte // the line that is incomplete
	count    int
	live     int // MiB, after the latest collection
}

func (c *collections) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buffered = append(c.buffered, data...)
	for {
		line, rest, complete := bytes.Cut(c.buffered, []byte("\n"))
		if !complete {
			return len(data), nil
		}
		c.buffered = rest
		if err := c.read(string(line)); err != nil {
			return 0, err
		}
	}
}

func (c *collections) read(line string) error {
	if line == forcedLine {
		return nil
	}
	found := tracedLine.FindStringSubmatch(line)
	if found == nil {
		_, err := fmt.Fprintln(c.rest, line)
		return err
	}
	live, err := strconv.Atoi(found[1])
	c.count, c.live = c.count+1, live
	return err
}

func (c *collections) latest() (count, live int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.live
}

// enoughCollections is how many collections free what lies in pools or waits for its finalizer.
const enoughCollections = 4

// liveHeapOf asks the program that runs a tunnel for its status until it has collected its garbage, and returns how many
// bytes are live. Each request makes garbage and leaves nothing.
func (c *collections) liveHeapOf(ctx context.Context, run *end) (bytes int, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for first, _ := c.latest(); ; {
		count, live := c.latest()
		if count >= first+enoughCollections {
			return live << 20, nil
		}
		if _, err := run.status(ctx); err != nil {
			return 0, fmt.Errorf("after %d of %d garbage collections: %w", count-first, enoughCollections, err)
		}
	}
}
