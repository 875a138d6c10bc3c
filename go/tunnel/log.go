package tunnel

import (
	"fmt"
	"io"
	"log"
	"regexp"
	"strings"
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
		lines := log.New(w, prefix+": ("+printable(Redact(name))+") ", log.Ldate|log.Ltime)
		return func(format string, arguments ...any) {
			lines.Print(printableLines(Redact(fmt.Sprintf(format, arguments...))))
		}
	}
	return Log{Verbosef: logger("DEBUG", Verbose), Errorf: logger("ERROR", Error)}
}

// A key is 64 hexadecimal digits for UAPI, and 44 characters of base64 for people. Pieces of keys are hidden
// from 22 digits on: numbers of 64 bits and abbreviated hashes have fewer. src/text/redact.ts does the same.
var (
	hexadecimalRun = regexp.MustCompile(`[0-9A-Fa-f]{22,}`)
	base64Run      = regexp.MustCompile(`[0-9A-Za-z+/]{22,}={0,2}`)

	// word is what a word in a path or a name looks like, and next to no piece of a key.
	word = regexp.MustCompile(`^(?:[a-z]*(?:[A-Z][a-z]{2,})*|[A-Z]+)[0-9]{0,4}$`)
)

const hidden = "(hidden)"

// Redact hides whatever could be a key or a piece of one: the engine logs a request's line that it cannot
// read whole, or takes it apart, and people give a key where something else belongs.
func Redact(text string) string {
	return base64Run.ReplaceAllStringFunc(hexadecimalRun.ReplaceAllLiteralString(text, hidden), func(run string) string {
		for segment := range strings.SplitSeq(strings.TrimRight(run, "="), "/") {
			// A piece of a key has no slash at every sixth digit.
			if len(segment) >= 6 && !word.MatchString(segment) {
				return hidden
			}
		}
		return run
	})
}
