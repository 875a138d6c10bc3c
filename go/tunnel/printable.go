package tunnel

import (
	"fmt"
	"strings"
	"unicode"
)

// printable returns a line as it can be written to a terminal: what a terminal obeys, or hides, is shown as
// its code. Names of interfaces and what a UAPI client sends can hold anything.
func printable(line string) string {
	if strings.IndexFunc(line, isObeyed) == -1 {
		return line
	}
	var b strings.Builder
	for _, r := range line {
		switch {
		case !isObeyed(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// printableLines does the same with a text of several lines, such as joined errors.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

func isObeyed(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
