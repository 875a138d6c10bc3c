#!/usr/bin/env bash
# Makes the Debian package for every processor of scripts/platform-packages, which must have run, and checks that each
# holds a program for its processor, and that lintian finds no error and no warning that it does not explain.
#
#   test/systemd/processors.sh [ARCH...]
#
# The exit status is 77, with the reason as the last line, if a tool is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

for tool in dpkg-deb lintian readelf; do
  type -P "$tool" >/dev/null || {
    echo "$tool is not installed"
    exit 77
  }
done

# What readelf calls Debian's architectures.
declare -A machines=(
  [amd64]="ELF64 Advanced Micro Devices X86-64" [arm64]="ELF64 AArch64" [armhf]="ELF32 ARM"
  [riscv64]="ELF64 RISC-V" [ppc64el]="ELF64 PowerPC64" [s390x]="ELF64 IBM S/390" [loong64]="ELF64 LoongArch"
)

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
scripts/deb --output "$directory" "$@"
for package in "$directory"/*.deb; do
  architecture=$(dpkg-deb --field "$package" Architecture)
  dpkg-deb --fsys-tarfile "$package" | tar -xO ./usr/lib/wg-bridge/wireguard-go >"$directory/program"
  machine=$(LC_ALL=C readelf --file-header "$directory/program" |
    awk -F ': *' '/Class:|Machine:/ { printf "%s%s", separator, $2; separator = " " }')
  [[ $machine == "${machines[$architecture]}" ]] || {
    echo "$architecture: the program is for $machine"
    exit 1
  }
done
# Not the notes: code can look like a misspelt word.
lintian --allow-root --fail-on error,warning "$directory"/*.deb
