#!/usr/bin/env bash
# Runs inside a sandbox: runs Node.js and a project in the file system of another Linux, which stays as it is.
#
#   scripts/sandbox test/machines/in-root.sh ROOT NODE PROJECT FILE [ARGUMENT...]
#
# NODE is the program, PROJECT a directory, and FILE what Node.js runs in it.
set -euo pipefail

root=$1 node=$2 project=$3
shift 3
# Below /run, which is this sandbox's own.
machine=/run/machine
mkdir "$machine" "$machine"/{changes,work,root}
mount -t overlay -o "lowerdir=$root,upperdir=$machine/changes,workdir=$machine/work" overlay "$machine/root"
cd "$machine/root"
mkdir -p project node proc sys dev run
mount --bind "$project" project
mount --bind "$(dirname "$node")" node
mount --rbind /dev dev
mount --rbind /sys sys
mount -t proc proc proc
mount -t tmpfs tmpfs run
mkdir run/netns
exec chroot . /usr/bin/env --ignore-environment --chdir=/project PATH=/usr/sbin:/usr/bin:/sbin:/bin WG_BRIDGE_SANDBOX=1 /node/node "$@"
