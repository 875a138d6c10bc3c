package tunnel

import (
	"testing"

	"wg-bridge/go/cipher"
)

func TestNoTunnelUsesAVX512WhileOneDoesWithoutIt(t *testing.T) {
	begin(t)
	cipher.Offer() // says so, but x/crypto's own code, which tests have, knows nothing of it
	with := start(t, "wgt0")
	expectCipher(t, with, "AVX-512")

	features, err := ParseDisabled("avx512")
	if err != nil {
		t.Fatal(err)
	}
	files, err := Open("wgt1", 0, Given{})
	if err != nil {
		t.Fatal(err)
	}
	without, err := Start(files, features, Log{func(string, ...any) {}, t.Errorf})
	if err != nil {
		t.Fatal(err)
	}
	if cipher.UsesAVX512() {
		t.Error("AVX-512 is used")
	}
	expectCipher(t, with, cipher.Name())
	expectCipher(t, without, cipher.Name())
	if err := without.Close(); err != nil {
		t.Error(err)
	}
	expectCipher(t, with, "AVX-512")
	if err := with.Close(); err != nil {
		t.Error(err)
	}
}

func expectCipher(t *testing.T, tunnel *Tunnel, want string) {
	t.Helper()
	if answer, err := ask(tunnel, "wg_bridge=1\n\n"); err != nil || answer != "cipher="+want+"\nerrno=0\n\n" {
		t.Errorf("%s answers %q, %v; want %s", tunnel.Name(), answer, err, want)
	}
}
