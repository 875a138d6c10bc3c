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

// tracing makes a Go runtime print a line for every garbage collection, and collect often.
var tracing = [...]string{"GODEBUG=gctrace=1", "GOGC=5"}

// forcedLine is printed before the line of a collection that time has made due.
const forcedLine = "GC forced"

// tracedLine is such a line; "27->27->26 MB" are the heap at the start, at the end, and what of it is live.
// Source: the documentation of Go's runtime package.
var tracedLine = regexp.MustCompile(`^gc \d+ @.* \d+->\d+->(\d+) MB`)

// collections reads what a program writes to standard error: it counts garbage collections, and hands
// on every other line.
type collections struct {
	rest io.Writer

	mu   sync.Mutex
	line []byte
	seen int
	live int // megabytes of 1024*1024 bytes after the latest
}

func (c *collections) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line = append(c.line, data...)
	for {
		line, rest, whole := bytes.Cut(c.line, []byte("\n"))
		if !whole {
			return len(data), nil
		}
		c.line = rest
		if err := c.take(string(line)); err != nil {
			return 0, err
		}
	}
}

func (c *collections) take(line string) error {
	if line == forcedLine {
		return nil
	}
	found := tracedLine.FindStringSubmatch(line)
	if found == nil {
		_, err := fmt.Fprintln(c.rest, line)
		return err
	}
	live, err := strconv.Atoi(found[1])
	c.seen, c.live = c.seen+1, live
	return err
}

func (c *collections) latest() (seen, live int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen, c.live
}

// enoughCollections is how many it takes until what lies in pools and waits for its finalizer is gone.
const enoughCollections = 4

// liveHeapOf keeps the program that runs this interface busy until it has collected its garbage, and
// returns how many bytes are live. Asking for the status makes garbage and nothing else.
func (c *collections) liveHeapOf(ctx context.Context, name string) (bytes int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for first, _ := c.latest(); ; {
		seen, live := c.latest()
		if seen >= first+enoughCollections {
			return live << 20, nil
		}
		if _, err := exchange(ctx, name, "get=1\n\n"); err != nil {
			return 0, fmt.Errorf("after %d of %d garbage collections: %w", seen-first, enoughCollections, err)
		}
	}
}
