#!/usr/bin/env bash
# Installs a .deb of wg-bridge-engine, runs its service, and removes both: to be run by machine.sh, as root in a machine
# of its own. Prints each step; the exit status is 0 only if all of them are as they should be.
#
#   test/systemd/service.sh PACKAGE
set -euo pipefail
package=$(readlink -f "$1")

# shellcheck source=./test/systemd/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

# configure INSTANCE SETTING...: adds to its service, in place of what was added before.
configure() {
  local directory=/run/systemd/system/wg-bridge@$1.service.d
  mkdir -p "$directory"
  printf '%s\n' "[Service]" "${@:2}" >"$directory/test.conf"
  systemctl daemon-reload
}

# property INSTANCE NAME
property() { systemctl show --value --property="$2" "wg-bridge@$1"; }

handshakes() { wg show wg0 latest-handshakes | awk '{ print ($2 > 0) }'; }

step "the package installs, with its user and the directory of the sockets"
dpkg --install "$package" >/run/dpkg.log 2>&1 || { cat /run/dpkg.log; exit 1; }
is "user" wg-bridge "$(stat -c %U /run/wireguard)"
is "directory" "755 wg-bridge" "$(stat -c '%a %G' /run/wireguard)"
is "executable" "755 root root" "$(stat -c '%a %U %G' /usr/lib/wg-bridge/wireguard-go)"
is "shell" /usr/sbin/nologin "$(getent passwd wg-bridge | cut -d: -f7)"
is "verification" "" "$(systemd-analyze verify wg-bridge@wg0.service 2>&1)"

step "without a configuration it does not start"
is "start" 1 "$(systemctl start wg-bridge@wg0 2>/dev/null || echo $?)"

step "it starts once it can be configured, and systemd knows what it does"
first=$(wg genkey) second=$(wg genkey)
mkdir -p /etc/wireguard
install -m 600 /dev/null /etc/wireguard/wg0.conf
install -m 600 /dev/null /etc/wireguard/wg1.conf
printf '%s\n' "[Interface]" "PrivateKey = $first" "ListenPort = 7001" \
  "[Peer]" "PublicKey = $(wg pubkey <<<"$second")" "AllowedIPs = 10.9.0.2/32" \
  "Endpoint = 127.0.0.1:7002" "PersistentKeepalive = 1" >/etc/wireguard/wg0.conf
printf '%s\n' "[Interface]" "PrivateKey = $second" "ListenPort = 7002" \
  "[Peer]" "PublicKey = $(wg pubkey <<<"$first")" "AllowedIPs = 10.9.0.1/32" >/etc/wireguard/wg1.conf
ip link set lo up
configure wg1 WatchdogSec=10s
systemctl start wg-bridge@wg0 wg-bridge@wg1
second_pid=$(property wg1 MainPID) second_sign=$(property wg1 WatchdogTimestampMonotonic)
is "status" "Serving wg0" "$(property wg0 StatusText)"
is "port" 7001 "$(wg show wg0 listen-port)"
pid=$(property wg0 MainPID)
is "program" /usr/lib/wg-bridge/wireguard-go "$(readlink "/proc/$pid/exe")"
is "user of the program" wg-bridge "$(ps -o user= -p "$pid")"
is "capabilities" 0000000000001000 "$(awk '/^CapEff/ { print $2 }' "/proc/$pid/status")"
is "log" "" "$(journalctl --boot --output=cat --identifier=wireguard-go)"

step "packets pass"
ip netns add other
ip link set wg1 netns other
ip address add 10.9.0.1/24 dev wg0
ip -n other address add 10.9.0.2/24 dev wg1
ip -n other link set wg1 up
ip link set wg0 up # begins a handshake at once
until_is "handshakes" 1 handshakes
is "ping" "" "$(ping -n -c 3 -i 0.2 -W 5 10.9.0.2 >/run/ping || cat /run/ping)"

step "a reload applies the file, and the same process goes on"
sed -i 's/7001/7003/' /etc/wireguard/wg0.conf
systemctl reload wg-bridge@wg0
is "port" 7003 "$(wg show wg0 listen-port)"
is "process" "$pid" "$(property wg0 MainPID)"

step "the end of one tunnel leaves the other"
systemctl stop wg-bridge@wg0
is "result" success "$(property wg0 Result)"
is "sockets" wg1.sock "$(ls /run/wireguard)"
is "interface" "" "$(ls -d /sys/class/net/wg0 2>/dev/null)"

step "the deletion of its interface ends a tunnel, and is no failure"
systemctl start wg-bridge@wg0
ip link delete wg0
until_is "state" inactive systemctl is-active wg-bridge@wg0
is "result" success "$(property wg0 Result)"

step "systemd knows why a tunnel could not start"
configure wg0 Restart=no
ip link add wg0 type veth peer name wg0peer
is "start" 1 "$(systemctl start wg-bridge@wg0 2>/dev/null || echo $?)"
ip link delete wg0
is "status" "Cannot serve wg0: interface wg0 exists already: device or resource busy" "$(property wg0 StatusText)"
is "error" 16 "$(property wg0 StatusErrno)"

step "the configuration may be a credential"
cp /etc/wireguard/wg0.conf /etc/wireguard/credential
sed -i 's/7003/7004/' /etc/wireguard/credential
configure wg0 LoadCredential=wg.conf:/etc/wireguard/credential ExecStartPost= ExecStartPost=true \
  'ExecStartPost=wg setconf %i ${CREDENTIALS_DIRECTORY}/wg.conf'
systemctl start wg-bridge@wg0
is "port" 7004 "$(wg show wg0 listen-port)"
systemctl stop wg-bridge@wg0

step "a tunnel that no longer answers its watchdog is started anew"
configure wg0 WatchdogSec=2s
systemctl start wg-bridge@wg0
pid=$(property wg0 MainPID)
kill -STOP "$pid"
differs_from "$pid" property wg0 MainPID
until_is "state" active systemctl is-active wg-bridge@wg0
is "timeouts of the watchdog" 1 "$(journalctl --boot --output=cat | grep -c 'wg-bridge@wg0.*: Watchdog timeout')"
is "port" 7003 "$(wg show wg0 listen-port)"

step "the npm package runs the service, too"
mkdir /run/systemd/system/wg-bridge@.service.d
cp systemd/npm.conf /run/systemd/system/wg-bridge@.service.d
mkdir -p /opt/wg-bridge /usr/local/bin
mount --bind . /opt/wg-bridge # a home directory is hidden from a service
touch /usr/local/bin/node
mount --bind "$(readlink -f "$(type -P node)")" /usr/local/bin/node
ln -sf /opt/wg-bridge/dist/src/cli/main.js /usr/local/bin/wg-bridge
for backend in exec ffi; do
  configure wg0 WatchdogSec=6s "Environment=WG_BRIDGE_BACKEND=$backend"
  systemctl restart wg-bridge@wg0
  is "$backend: status" "Serving wg0" "$(property wg0 StatusText)"
  is "$backend: program" /usr/local/bin/node "$(readlink "/proc/$(property wg0 MainPID)/exe")"
  is "$backend: port" 7003 "$(runuser -u wg-bridge -- wg-bridge show wg0 listen-port)"
  pid=$(property wg0 MainPID)
  differs_from "$(property wg0 WatchdogTimestampMonotonic)" property wg0 WatchdogTimestampMonotonic
  is "$backend: process" "$pid" "$(property wg0 MainPID)"
  systemctl stop wg-bridge@wg0
  is "$backend: result" success "$(property wg0 Result)"
  is "$backend: sockets" wg1.sock "$(ls /run/wireguard)"
done
rm /run/systemd/system/wg-bridge@.service.d/npm.conf

step "a configuration that wg refuses fails the start, and leaves nothing"
configure wg0 Restart=no
printf '[Interface]\nNonsense = 1\n' >/etc/wireguard/wg0.conf
is "start" 1 "$(systemctl start wg-bridge@wg0 2>/dev/null || echo $?)"
is "interface" "" "$(ls -d /sys/class/net/wg0 2>/dev/null)"

step "a tunnel that answers its watchdog has run all the time"
differs_from "$second_sign" property wg1 WatchdogTimestampMonotonic
is "process" "$second_pid" "$(property wg1 MainPID)"

step "removing the package ends its tunnels"
dpkg --purge wg-bridge-engine >/run/dpkg.log 2>&1 || { cat /run/dpkg.log; exit 1; }
is "files" "" "$(ls -d /usr/lib/wg-bridge /usr/lib/systemd/system/wg-bridge@.service /run/wireguard 2>/dev/null)"
is "interface" "" "$(ip -n other link show wg1 2>/dev/null)"
