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

func TestALogLineHidesAPieceOfAKeyWhereverItWasCut(t *testing.T) {
	bytes := []byte{0xd8, 0xcf, 0x1f, 0x93, 0x3c, 0xf2, 0xdb, 0x6f, 0x9b, 0x1d, 0x45, 0x35, 0x36, 0x79, 0x4f, 0x5e,
		0xcd, 0x6f, 0x28, 0xf9, 0x7c, 0x21, 0x30, 0x9b, 0x6c, 0xeb, 0xf2, 0x7d, 0x20, 0xef, 0xbb, 0x63}
	for _, key := range []string{
		hex.EncodeToString(bytes),
		strings.ToUpper(hex.EncodeToString(bytes)),
		base64.StdEncoding.EncodeToString(bytes),
	} {
		for start := range len(key) {
			for end := start + 22; end <= len(key); end++ {
				piece := strings.TrimRight(key[start:end], "=")
				if len(piece) < 22 {
					continue
				}
				for _, line := range []string{piece, "private_key " + piece, "set=" + piece + "=", "failed to parse line \"" + piece + "\""} {
					if said := Redact(line); strings.Contains(said, piece) || !strings.Contains(said, "(hidden)") {
						t.Fatalf("%q became %q", line, said)
					}
				}
			}
		}
	}
}

func TestALogLinesPrefixHidesAKeyThatWasGivenAsAName(t *testing.T) {
	var said strings.Builder
	name := strings.Repeat("a1", 32)
	NewLog(&said, Error, name).Errorf("no")
	if strings.Contains(said.String(), name) {
		t.Errorf("logged %q", said.String())
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
	for _, line := range []string{
		"peer(AbCd…EfGh) - 100% of 7 in /usr/local/lib/a/directory/of/which/the/name/is/longer/than/a/key",
		"Starting wireguard-go version v0.0.0-20260522210424-ecfc5a8d5446",
		"2001:db8:85a3:0:0:8a2e:370:7334 and 18446744073709551615 bytes, at 0xc000123456789abc",
		"golang.zx2c4.com/wireguard/device, /var/run/wireguard/wg0.sock, PersistentKeepaliveInterval",
		"/home/someUser/projects2/node22/lib/wireguardPrograms/build3",
	} {
		if said := Redact(line); said != line {
			t.Errorf("%q became %q", line, said)
		}
	}
}
