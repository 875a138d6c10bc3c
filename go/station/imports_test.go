package station

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// hostNetwork is what would reach the host's network, or its resolver, past the tunnel.
var hostNetwork = regexp.MustCompile(`\bnet\.(Dial|Lookup|Resolve|Listen(UDP|TCP|Packet|IP)\b|Resolver|DefaultResolver)|"net/http"|unix\.AF_INET|unix\.Connect`)

func TestNothingHereReachesTheHostsNetwork(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := hostNetwork.Find(text); found != nil {
			t.Errorf("%s has %q", file, found)
		}
	}
	if !hostNetwork.MatchString("net.DialTCP") || !hostNetwork.MatchString("net.DefaultResolver") {
		t.Error("the pattern finds nothing")
	}
}
