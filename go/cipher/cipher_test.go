package cipher

import (
	"os"
	"strings"
	"testing"
)

func TestAVX512IsUsedWhileItIsOfferedAndNobodyDoesWithout(t *testing.T) {
	avx512 = false
	own := Name()
	expect := func(when string, uses bool) {
		t.Helper()
		name := own
		if uses {
			name = "AVX-512"
		}
		if UsesAVX512() != uses || Name() != name {
			t.Errorf("%s: %v and %s, want %v and %s", when, UsesAVX512(), Name(), uses, name)
		}
	}
	expect("not offered", false)
	Offer()
	t.Cleanup(func() { avx512 = false })
	expect("offered", true)
	restoreOne, restoreOther := DoWithoutAVX512(), DoWithoutAVX512()
	expect("with two that do without", false)
	restoreOne()
	expect("with one that does without", false)
	restoreOther()
	expect("afterwards", true)
}

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
