package tunnel

import (
	"fmt"
	"io"
	"log"
	"regexp"
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
		lines := log.New(w, prefix+": ("+printable(name)+") ", log.Ldate|log.Ltime)
		return func(format string, arguments ...any) {
			lines.Print(printableLines(redact(fmt.Sprintf(format, arguments...))))
		}
	}
	return Log{Verbosef: logger("DEBUG", Verbose), Errorf: logger("ERROR", Error)}
}

// A key is 64 hexadecimal digits for UAPI, and 44 characters of base64 for people. Of these the engine
// may log only 43: it takes a line apart at its first "=".
var (
	key        = regexp.MustCompile(`[0-9A-Fa-f]{64}|[0-9A-Za-z+/]{43}=`)
	base64Word = regexp.MustCompile(`[0-9A-Za-z+/]+`)
)

const (
	base64WordLength = 43
	hidden           = "(hidden)"
)

// redact hides whatever could be a key: the engine logs a request's line that it cannot read whole.
func redact(line string) string {
	return base64Word.ReplaceAllStringFunc(key.ReplaceAllLiteralString(line, hidden), func(word string) string {
		if len(word) == base64WordLength {
			return hidden
		}
		return word
	})
}
