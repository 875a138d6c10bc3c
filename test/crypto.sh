#!/usr/bin/env bash
# Runs x/crypto's own tests of ChaCha20-Poly1305, and ours of the dispatch, on the copy that scripts/crypto makes: with
# AVX-512, without, and without any assembly (-tags=purego). Prints what each run says about the processor.
#
#   test/crypto.sh [-json]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export GOWORK=off
modfile=$(scripts/crypto)
package=golang.org/x/crypto/chacha20poly1305
overlay=$(mktemp)
trap 'rm -f "$overlay"' EXIT
# The copy has no tests of ours, so that a test changes no program.
cat >"$overlay" <<OVERLAY
{"Replace": {"$PWD/${modfile%/go.mod}/crypto/chacha20poly1305/dispatch_amd64_test.go": "$PWD/go/cipher/_crypto/dispatch_amd64_test.go"}}
OVERLAY
go vet -modfile="$modfile" -overlay="$overlay" "$package"
for disable in "" avx512; do
  WG_BRIDGE_DISABLE=$disable go test -trimpath "$@" -count=1 -modfile="$modfile" -overlay="$overlay" "$package"
done
go test -trimpath "$@" -count=1 -tags=purego -modfile="$modfile" "$package" ./go/cipher
