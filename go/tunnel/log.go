package tunnel

import (
	"io"
	"log"
)

// A Level says how much a tunnel logs. The numbers are the engine's.
type Level int

const (
	Silent  Level = 0
	Error   Level = 1
	Verbose Level = 2
)

// A Log takes a tunnel's log lines, Printf-style and without a final newline. Both functions must be
// set, and be safe for concurrent use.
type Log struct {
	Verbosef, Errorf func(format string, arguments ...any)
}

// NewLog writes lines like upstream's, "DEBUG: (wg0) 2026/01/31 12:00:00 text", to w.
func NewLog(w io.Writer, level Level, name string) Log {
	logger := func(prefix string, from Level) func(string, ...any) {
		if level < from {
			return func(string, ...any) {}
		}
		return log.New(w, prefix+": ("+name+") ", log.Ldate|log.Ltime).Printf
	}
	return Log{Verbosef: logger("DEBUG", Verbose), Errorf: logger("ERROR", Error)}
}
