package tunnel

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

func TestALogLineHidesWhatCouldBeAKey(t *testing.T) {
	bytes := []byte("0123456789abcdef0123456789abcdef")
	for _, secret := range []string{
		hex.EncodeToString(bytes),
		strings.ToUpper(hex.EncodeToString(bytes)),
		base64.StdEncoding.EncodeToString(bytes),
		base64.RawStdEncoding.EncodeToString(bytes),
	} {
		var said strings.Builder
		log := NewLog(&said, Verbose, "wg0")
		log.Errorf("failed to parse line %q", "private_key "+secret)
		log.Verbosef("peer(%s)", secret)
		if strings.Contains(said.String(), secret) || strings.Count(said.String(), "(hidden)") != 2 {
			t.Errorf("logged %q", said.String())
		}
	}
}

func TestBothEndsOfTheEngineLogToTheTunnelsLog(t *testing.T) {
	var said strings.Builder
	_, udpConfig := configure(AllFeatures, NewLog(&said, Error, "wg0"))
	udpConfig.Logf("verbose")
	udpConfig.Errorf("error %d", 1)
	if lines := said.String(); strings.Contains(lines, "verbose") || !strings.HasSuffix(lines, "error 1\n") {
		t.Errorf("logged %q", lines)
	}
}

func TestALogLineKeepsWhatIsNoKey(t *testing.T) {
	var said strings.Builder
	path := "/usr/local/lib/a/directory/of/which/the/name/is/longer/than/a/key"
	NewLog(&said, Verbose, "wg0").Verbosef("peer(AbCd…EfGh) - 100%% of %d in %s", 7, path)
	if !strings.HasSuffix(said.String(), "peer(AbCd…EfGh) - 100% of 7 in "+path+"\n") {
		t.Errorf("logged %q", said.String())
	}
}
