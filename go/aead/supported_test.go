package aead

import (
	"os"
	"os/exec"
	"testing"
)

// The assembly has instructions of each of these extensions.
var extensions = []string{"avx2", "avx512f", "avx512vl", "avx512bw", "avx512dq", "avx512ifma", "bmi2"}

const hidden = "WG_BRIDGE_TEST_HIDDEN_EXTENSION"

func TestItIsNotSupportedWithoutOneOfItsExtensions(t *testing.T) {
	if name := os.Getenv(hidden); name != "" {
		if Supported() {
			t.Errorf("supported without %s", name)
		}
		return
	}
	requireSupport(t)
	for _, name := range extensions {
		command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), hidden+"="+name, "GODEBUG=cpu."+name+"=off")
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, output)
		}
	}
}
