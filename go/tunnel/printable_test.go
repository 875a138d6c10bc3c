package tunnel

import (
	"bytes"
	"strings"
	"testing"
)

func TestALogShowsAsCodesWhatATerminalObeys(t *testing.T) {
	var written bytes.Buffer
	NewLog(&written, Error, "\x1b[31m").Errorf("%s\n%s", "invalid key: \u009b1m\u202e\x07", "größe")
	line := written.String()
	for _, want := range []string{`(\x1b[31m)`, `invalid key: \x9b1m\u202e\x07`, "\ngröße\n"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is missing %q", line, want)
		}
	}
	if strings.ContainsFunc(strings.ReplaceAll(line, "\n", ""), isObeyed) {
		t.Errorf("%q", line)
	}
}
