package foreground

import (
	"fmt"
	"os"
	"strings"

	"wg-bridge/go/tunnel"
)

// A Status is whoever started this process and gave it StatusFd, or nobody.
type Status struct{ file *os.File }

// OpenStatus takes the descriptor that the environment names. Close the result.
func (p Process) OpenStatus() (Status, error) {
	file, err := p.file(StatusFd)
	return Status{file}, err
}

// Tell says something in one line, without what could be a key. Nobody needs to be listening any more.
func (s Status) Tell(text string) {
	if s.file != nil {
		_, _ = fmt.Fprintln(s.file, strings.ReplaceAll(tunnel.Redact(text), "\n", "; "))
	}
}

// Close ends what is told.
func (s Status) Close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}
