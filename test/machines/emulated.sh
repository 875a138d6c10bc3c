#!/usr/bin/env bash
# Runs a command where the kernel runs the programs of arm64 by qemu-user, which nothing outside notices: the
# registration is that of a user namespace.
#
#   test/machines/emulated.sh COMMAND [ARGUMENT...]
#
# The exit status is the command's, or 77, with the reason as the last line, if this is not possible here.
set -euo pipefail

emulator=$(type -P qemu-aarch64-static) || {
  echo "qemu-aarch64-static is not installed: scripts/release-tools installs it"
  exit 77
}
# ELF, 64 bits, little-endian, an executable or a shared object, of machine 0xb7. F: opened now, for all namespaces.
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
# shellcheck disable=SC2016 # the inner shell expands these
exec unshare --user --map-root-user --mount bash -c '
set -euo pipefail
registration=$1
shift
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || {
  echo "this kernel has one table of emulators for all namespaces: Linux 6.7 gives each user namespace its own"
  exit 77
}
printf "%s" "$registration" >/proc/sys/fs/binfmt_misc/register
exec "$@"
' emulated ":arm64:M::$magic:$mask:$emulator:F" "$@"
