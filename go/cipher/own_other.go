//go:build gc && !purego && !amd64

package cipher

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// nameOfOwn names what x/crypto's ChaCha20 uses: it decides by the same. Its Poly1305 has no code for NEON.
func nameOfOwn() string {
	switch {
	case runtime.GOARCH == "arm64":
		return "NEON"
	case runtime.GOARCH == "ppc64le":
		return "VSX"
	case cpu.S390X.HasVX:
		return "VX"
	case cpu.Loong64.HasLSX:
		return "LSX"
	}
	return generic
}
