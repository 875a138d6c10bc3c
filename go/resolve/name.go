package resolve

import (
	"strings"
)

// The limits of RFC 1035 in characters: of a name without the final dot, and of a label.
const (
	maxName  = 253
	maxLabel = 63
)

// canonical returns a name in lower case and with a final dot, as the cache and the questions have it.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) + "." }

// checkName returns why a name cannot be asked for, or nil. What passes is printable ASCII in labels of the right
// length: servers have names with underscores and other characters that host names must not have.
func checkName(name string) *Error {
	bare := strings.TrimSuffix(name, ".")
	switch {
	case bare == "":
		return notFound(name, "the name is empty")
	case len(bare) > maxName:
		return notFound(name, "the name has %d characters; DNS allows %d", len(bare), maxName)
	}
	for label := range strings.SplitSeq(bare, ".") {
		switch {
		case label == "":
			return notFound(name, "the name has two dots in a row, or begins with one")
		case len(label) > maxLabel:
			return notFound(name, "a label of the name has %d characters; DNS allows %d", len(label), maxLabel)
		}
	}
	for _, character := range []byte(bare) {
		switch {
		case character >= 0x80:
			return notFound(name, "the name has a character outside ASCII: write it in its xn-- form")
		case character <= ' ' || character == 0x7f:
			return notFound(name, "the name has a space or a control character")
		}
	}
	if last := canonical(name); last == "localhost." || strings.HasSuffix(last, ".localhost.") {
		return notFound(name, "localhost is this machine, which cannot be reached through the tunnel")
	}
	return nil
}

// candidates returns the names to ask for, in order. A name with a final dot is complete. Of the others, those with a
// dot are asked for as they are first, and those without in the search domains first, as resolvers do by default.
func candidates(name string, search []string) []string {
	complete := canonical(name)
	if strings.HasSuffix(name, ".") {
		return []string{complete}
	}
	var names []string
	if strings.Contains(name, ".") {
		names = append(names, complete)
	}
	for _, domain := range search {
		if extended := complete + canonical(domain); len(extended) <= maxName+1 {
			names = append(names, extended)
		}
	}
	if !strings.Contains(name, ".") {
		names = append(names, complete)
	}
	return names
}
