//go:build !gc || purego

package cipher

import "testing"

func TestABuildWithoutAssemblyIsGeneric(t *testing.T) {
	if name := Name(); name != generic {
		t.Errorf("%s, but this program was built without assembly", name)
	}
}
