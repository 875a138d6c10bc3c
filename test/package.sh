#!/usr/bin/env bash
# Packs the package, checks it by publint and attw, installs it into empty projects, with and without
# install scripts, and runs it there as a user would.
#
#   test/package.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "$1" >&2
  exit 1
}

# Set-up has built everything else.
scripts/licenses
tarball=$work/$(npm pack --loglevel=error --ignore-scripts --pack-destination "$work")
node_modules/.bin/publint --strict "$tarball"
node_modules/.bin/attw --no-color --no-emoji --profile esm-only "$tarball"

listing=$(tar -tzf "$tarball")
for needed in build/wireguard-go build/wireguard_go_bridge.so dist/src/index.d.ts cmd/wireguard-go/main.go \
  go.mod go.sum scripts/build scripts/build-go build/third-party-licenses.txt man/wg-bridge.1 README.md LICENSE; do
  grep -qx "package/$needed" <<<"$listing" || fail "The package does not contain $needed."
done
unwanted=$(grep -E 'netns|_test\.go|/test/|\.tsbuildinfo|node_modules' <<<"$listing" || true)
[[ -z $unwanted ]] || fail "The package must not contain: $unwanted"
while read -r module; do
  grep -q "^$module " build/third-party-licenses.txt || fail "The licence of $module is missing from the package."
done < <(go version -m build/wireguard-go build/wireguard_go_bridge.so | awk '$1 == "dep" { print $2 }')
node -e '
const { scripts = {} } = JSON.parse(require("fs").readFileSync("package.json", "utf8"));
const own = ["preinstall", "install", "postinstall", "prepare"].filter((name) => name in scripts);
if (own.length > 0) throw new Error(`The package has install scripts: ${own}`);
'

cat >"$work/program.ts" <<'PROGRAM'
import { allowedIp, openTunnel, PrivateKey, type Tunnel, WgBridgeError } from "wg-bridge";

for (const backend of ["ffi", "exec"] as const) {
  const key = PrivateKey.generate();
  await using tunnel: Tunnel = await openTunnel({ name: "wgp0", backend });
  const peer = PrivateKey.generate().publicKey();
  await tunnel.apply({ privateKey: key, peers: [{ publicKey: peer, allowedIps: [allowedIp("::/0")] }] });
  const { peers } = await tunnel.status();
  const [first] = peers;
  if (first?.publicKey !== peer) throw new WgBridgeError("WG_BRIDGE_ENGINE", "The status differs from what was set.");
  console.log(tunnel.backend, first.allowedIps.join(), typeof first.receivedBytes);
}
PROGRAM

cat >"$work/types.ts" <<'TYPES'
import { allowedIp, ConfigError, openTunnel, PrivateKey, type Tunnel, WgBridgeError } from "wg-bridge";
import { decodeChange, encodeChange } from "wg-bridge/uapi";

export async function use(): Promise<void> {
  const config = { privateKey: PrivateKey.generate(), peers: [] };
  const tunnel: Tunnel = await openTunnel({ name: "wgp0", config, signal: AbortSignal.timeout(1000) });
  tunnel.on("handshake", ({ peer, at }) => console.log(peer.length, at.getTime()));
  const bytes: Uint8Array = encodeChange({ fwmark: 42 });
  const fwmark: number | undefined = decodeChange(Buffer.from(bytes)).fwmark;
  try {
    await tunnel.update({ peers: [{ publicKey: config.privateKey.publicKey(), allowedIps: [allowedIp("::/0")] }] });
  } catch (error) {
    if (error instanceof ConfigError) console.log(error.line.toFixed(), fwmark);
    else if (error instanceof WgBridgeError) console.log(error.code.length, error.message);
  }
}
TYPES

# check_types: compiles the declarations without skipLibCheck, by old and new compilers, in a project that does not
# depend on Node.js's types: the package does.
check_types() {
  local compiler module
  while read -r compiler module; do
    local resolution=$module
    [[ $module == esnext ]] && resolution=bundler
    node "$root/node_modules/$compiler/bin/tsc" --noEmit --strict --target es2022 --module "$module" \
      --moduleResolution "$resolution" --skipLibCheck false types.ts ||
      fail "The types do not compile with $compiler and --moduleResolution $resolution."
  done <<'COMPILERS'
typescript node16
typescript nodenext
typescript esnext
@arethetypeswrong/core/node_modules/typescript esnext
COMPILERS
}

# run_program: opens tunnels with the installed package.
run_program() {
  local printed
  printed=$("$root/scripts/sandbox" node program.js)
  [[ $printed == $'ffi ::/0 bigint\nexec ::/0 bigint' ]] || fail "The installed package printed: $printed"
}

for scripts in --ignore-scripts --foreground-scripts; do
  project=$work/project$scripts
  mkdir "$project"
  cd "$project"
  echo '{ "type": "module", "private": true }' >package.json
  npm install --loglevel=error --no-audit --no-fund --prefer-offline $scripts "$tarball" >/dev/null || fail "npm install $scripts failed."
  [[ $(node_modules/.bin/wg-bridge --version | head -1) == "wg-bridge "* ]] || fail "wg-bridge --version does not print the version."
  cp "$work/program.ts" "$work/types.ts" .
  "$root/node_modules/.bin/tsc" --strict --target es2023 --lib es2023,esnext.disposable --module nodenext program.ts
  run_program
  "$root/scripts/sandbox" node_modules/.bin/wg-bridge doctor >/dev/null || fail "wg-bridge doctor finds no backend."
  measuring=$(find node_modules/wg-bridge -path '*/bench/*')
  [[ -z $measuring ]] || fail "The package contains benchmarks: $measuring"
done

check_types

npm install --global --prefix "$work/global" --loglevel=error --no-audit --no-fund --prefer-offline --ignore-scripts "$tarball" >/dev/null ||
  fail "npm install --global failed."
for installed in bin/wg-bridge share/man/man1/wg-bridge.1; do
  [[ -e $work/global/$installed ]] || fail "A global install does not contain $installed."
done

# A machine with another architecture builds its own programs from the packed sources.
rm node_modules/wg-bridge/build/wireguard*
npm run --silent --prefix node_modules/wg-bridge build >/dev/null || fail "npm run build failed."
run_program
echo "Packed $(stat -c %s "$tarball") bytes, installed and ran them with and without install scripts."
