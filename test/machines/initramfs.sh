#!/usr/bin/env bash
# Packs what scripts/bullseye made, Node.js and a project into the file system that the kernel starts with.
#
#   test/machines/initramfs.sh DEBIAN NODE PROJECT OUTPUT
set -euo pipefail

debian=$1 node=$2 project=$3 output=$4
mkdir -p "$(dirname "$output")"
added=$(mktemp -d)
trap 'rm -rf "$added"' EXIT
install -m 755 "$(dirname "${BASH_SOURCE[0]}")/machine-init.sh" "$added/init"
install -m 755 "$node" "$added/node"
install -m 644 "$debian/tun.ko" "$added/tun.ko"
cp -a "$project" "$added/project"
# An archive may follow another one.
for directory in "$debian/root" "$added"; do
  (cd "$directory" && find . -print0 | cpio --null --create --format=newc --owner=0:0 --quiet)
done >"$output"
