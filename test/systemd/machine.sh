#!/usr/bin/env bash
# Boots systemd as the first process of a machine that is made of namespaces, and runs a command there once it is up.
# The command runs in this directory. The machine sees this one's files through an overlay: whatever it writes, in /etc
# or /var, ends with it.
#
#   test/systemd/machine.sh COMMAND [ARGUMENT...]
#
# Prints what the command prints, once all has ended. The exit status is the command's; or 99 if it did not end within
# five minutes; or 77, with the reason as the last line, if this is not possible here.
set -euo pipefail

if (($# == 0)); then
  echo "usage: test/systemd/machine.sh COMMAND [ARGUMENT...]" >&2
  exit 2
fi

cannot() {
  echo "$1"
  exit 77
}

((EUID == 0)) || cannot "only root can boot systemd"
systemd=
for path in /usr/lib/systemd/systemd /lib/systemd/systemd; do
  [[ ! -x $path ]] || systemd=$path
done
[[ -n $systemd ]] || cannot "systemd is not installed"
unshare --mount true 2>/dev/null || cannot "the kernel refuses a mount namespace"

scratch=$(mktemp -d)
mkdir "$scratch/"{cgroups,machine,result}
# systemd takes its cgroup for the root of all.
cgroup=$scratch/cgroups/wg-bridge-machine-$$
# shellcheck disable=SC2317 # by the trap
clean() {
  if [[ -d $cgroup ]]; then find "$cgroup" -depth -type d -exec rmdir {} +; fi
  if mountpoint --quiet "$scratch/cgroups"; then umount "$scratch/cgroups"; fi
  rm -r "$scratch"
}
trap clean EXIT
mount -t cgroup2 cgroup2 "$scratch/cgroups" 2>/dev/null || cannot "the kernel has no cgroup2"
mkdir "$cgroup" 2>/dev/null || cannot "this machine may not make a cgroup"

boot='
set -euo pipefail
scratch=$1 systemd=$2 directory=$3
shift 3
mount -t tmpfs -o mode=755 tmpfs "$scratch/machine"
cd "$scratch/machine"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
cd root
for place in dev run tmp var/tmp; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
chmod 1777 tmp var/tmp
mkdir dev/net dev/pts run/result run/old
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mknod -m 666 dev/net/tun c 10 200 # the mode that udev gives it
mount -t devpts -o ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
# As in a container: what every machine on this kernel shares cannot be written.
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --bind "$scratch/result" run/result
mkdir -p run/systemd/system
printf "%s\n" "[Service]" Type=oneshot TimeoutStartSec=300 "WorkingDirectory=$directory" \
  "ExecStart=/bin/sh -c \". /run/machine >/run/result/output 2>&1; echo \$? >/run/result/status\"" \
  "ExecStopPost=/usr/bin/systemctl --no-block exit" >run/systemd/system/machine.service
printf "%q " "$@" >run/machine
pivot_root . run/old
umount -l /run/old
cd /
mount --make-rshared / # as it is on machines, and as the mounts of credentials need it
exec env -i "PATH=$PATH" container=wg-bridge "$systemd" --system --unit=machine.service --show-status=no \
  --log-target=journal </dev/null >/dev/null 2>&1
'
inside='
set -euo pipefail
echo $$ >"$1"
shift
exec unshare --cgroup --net --uts --ipc --mount --pid --fork --kill-child bash -c "$@"
'
timeout --signal=KILL 360 bash -c "$inside" machine "$cgroup/cgroup.procs" "$boot" machine "$scratch" "$systemd" "$PWD" "$@" ||
  true # what the command said is in its files
[[ ! -e $scratch/result/output ]] || cat "$scratch/result/output"
if [[ -e $scratch/result/status ]]; then exit "$(<"$scratch/result/status")"; fi
exit 99
