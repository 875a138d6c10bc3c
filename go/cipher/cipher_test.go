package cipher

import "testing"

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
