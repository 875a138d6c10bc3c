#!/usr/bin/env bash
# Runs the service of docs/proxy.md: to be run by machine.sh, as root in a machine of its own, in the checkout's directory.
# Prints each step; the exit status is 0 only if all of them are as they should be.
#
#   test/systemd/proxy.sh UNIT
set -euo pipefail
unit=$(readlink -f "$1")

# shellcheck source=./test/systemd/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

property() { systemctl show --value --property="$1" wg-proxy; }

page() { curl --silent --max-time 5 --socks5-hostname 127.0.0.1:1080 http://10.9.0.2:8080/; }

step "the package is installed, and a peer serves a page"
mkdir -p /opt/wg-bridge /etc/wireguard
mount --bind . /opt/wg-bridge # a home directory is hidden from a service
touch /usr/local/bin/node
mount --bind "$(readlink -f "$(type -P node)")" /usr/local/bin/node
ln -sf /opt/wg-bridge/dist/src/cli/main.js /usr/bin/wg-bridge
ip link set lo up
first=$(wg-bridge genkey) second=$(wg-bridge genkey)
install -m 600 /dev/null /etc/wireguard/wg0.conf
install -m 600 /dev/null /run/peer.conf
printf '%s\n' "[Interface]" "PrivateKey = $first" "Address = 10.9.0.1/32" \
  "[Peer]" "PublicKey = $(wg-bridge pubkey <<<"$second")" "AllowedIPs = 10.9.0.2/32" \
  "Endpoint = 127.0.0.1:7002" >/etc/wireguard/wg0.conf
printf '%s\n' "[Interface]" "PrivateKey = $second" "Address = 10.9.0.2/32" "ListenPort = 7002" \
  "[Peer]" "PublicKey = $(wg-bridge pubkey <<<"$first")" "AllowedIPs = 10.9.0.1/32" >/run/peer.conf
systemd-run --quiet --unit=page node -e \
  'require("http").createServer((_, response) => response.end("hello")).listen(9090, "127.0.0.1")'
systemd-run --quiet --unit=peer wg-bridge proxy --expose=8080=127.0.0.1:9090 /run/peer.conf

step "the service starts as a user of its own, and serves"
cp "$unit" /run/systemd/system/wg-proxy.service
systemctl daemon-reload
is "verification" "" "$(systemd-analyze verify wg-proxy.service 2>&1)"
systemctl start wg-proxy
until_is "page" hello page
pid=$(property MainPID)
is "user" wg-proxy "$(ps -o user= -p "$pid")"
is "capabilities" 0000000000000000 "$(awk '/^CapEff/ { print $2 }' "/proc/$pid/status")"

step "a reload reads the files again, and the same process goes on"
systemctl reload wg-proxy
read_again() { journalctl --boot --output=cat --unit=wg-proxy | grep -c 'All files were read again'; }
until_is "reload" 1 read_again
is "process" "$pid" "$(property MainPID)"
is "page" hello "$(page)"

step "a killed engine is started again by the same process"
kill -KILL "$(pgrep --parent "$pid")"
until_is "page" hello page
is "process" "$pid" "$(property MainPID)"

step "it stops without a failure"
systemctl stop wg-proxy
is "result" success "$(property Result)"
