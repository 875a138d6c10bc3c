//go:build gc && !purego

package cipher

import (
	"os"
	"strings"
	"testing"
)

// The kernel knows the processor as well.
func TestTheNameIsThatOfInstructionsThatTheProcessorHas(t *testing.T) {
	flags := map[string]string{"AVX2": "avx2", "NEON": "asimd", "VX": "vx", "LSX": "lsx"}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	has := func(flag string) bool {
		return strings.Contains(" "+strings.ReplaceAll(string(text), "\n", " ")+" ", " "+flag+" ")
	}
	name := nameOfOwn()
	if flag, known := flags[name]; known && !has(flag) {
		t.Errorf("%s, but the kernel has no %s", name, flag)
	}
	if name == generic && has("avx2") && has("bmi2") {
		t.Error("generic, but the processor has AVX2")
	}
}
