#!/usr/bin/env bash
# Makes the packages, checks them by publint and attw, installs them into empty projects, with and without install
# scripts, and runs them there as a user would.
#
#   test/package.sh
#
# The exit status is 77, with the reason as the last line, if the C compiler of the packages cannot be fetched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "$1" >&2
  exit 1
}

# The processor of this machine, and one that it is not, which has no library and so takes no C compiler.
here=$(node -p process.arch)
foreign=riscv64
scripts/platform-packages "$here" "$foreign"
scripts/platform-packages --check-reproducible --keep-caches "$foreign"
version=$(node -p 'require("./package.json").version')
types=$(node -p 'require("./package.json").devDependencies["@types/node"]')
packages=build/packages
main=$root/$packages/tarballs/wg-bridge-$version.tgz
engine=$root/$packages/tarballs/wg-bridge-linux-$here-$version.tgz
(cd "$packages/tarballs" && sha256sum --check --quiet SHA256SUMS) || fail "SHA256SUMS is wrong."
node_modules/.bin/publint --strict "$main"
node_modules/.bin/publint --strict "$engine"
node_modules/.bin/attw --no-color --no-emoji --profile esm-only "$main"
# JavaScript, pages, and the engine's sources, to build it in place. Userspace tunnels made it 0.18 MB larger, and the
# assembly of go/aead 0.02 MB.
size=$(stat -c %s "$main")
((size <= 550000)) || fail "The main package has $size bytes packed, more than 550000."

declared=$(node -p 'require("./package.json").files.filter((file) => !file.startsWith("!")).join("\n")')
for needed in $declared dist/src/index.d.ts cmd/wireguard-go/main.go cmd/wireguard-go-userspace/main.go \
  README.md LICENSE; do
  [[ -e $packages/wg-bridge/$needed ]] || fail "The main package does not contain $needed."
done

# A checkout has no engine to pack, and must not be published by mistake.
! npm pack --dry-run >/dev/null 2>"$work/pack" || fail "npm pack in a checkout makes a package."
grep -q 'npm run packages' "$work/pack" || fail "npm pack in a checkout does not say how to make the packages."

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
  const config = { privateKey: PrivateKey.generate(), peers: [] };
  await using network = await openTunnel({ network: "userspace", addresses: ["10.0.0.1"], config, backend });
  console.log(network.backend, network.name.replace(/\d+/, "N"));
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

# check_types: compiles the declarations without skipLibCheck, by old and new compilers.
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
  [[ $printed == $'ffi ::/0 bigint\nffi userspace-N\nexec ::/0 bigint\nexec userspace-N' ]] || fail "The installed package printed: $printed"
}

# A machine may have no access to a registry that has the engine's other packages: they are optional.
install() {
  npm install --loglevel=error --no-audit --no-fund --prefer-offline "$@" "$main" "$engine" 2>&1
}

for scripts in --ignore-scripts --foreground-scripts; do
  project=$work/project$scripts
  mkdir "$project"
  cd "$project"
  echo '{ "type": "module", "private": true }' >package.json
  printed=$(install "$scripts") || fail "npm install $scripts failed: $printed"
  noise=$(grep -Ei 'script|ignored|blocked' <<<"$printed" || true)
  [[ -z $noise ]] || fail "npm install $scripts printed: $noise"
  (cd "$root" && node dist/packages/main.js scripts "$project/node_modules") || fail "A package in the project has an install script."
  engines=$(cd node_modules/@wg-bridge && echo *)
  [[ $engines == "linux-$here" ]] || fail "npm installed these engines: $engines"
  [[ ! -e node_modules/koffi && ! -e node_modules/@types ]] || fail "npm installed what only a checkout needs: $(ls -m node_modules)"
  # 27 MB are the engine: two executables and the library. docs/packages.md says what is in them.
  kilobytes=$(du --apparent-size --block-size=1000 -s node_modules | cut -f 1)
  ((kilobytes <= 34500)) || fail "The project's node_modules has $kilobytes kB, more than 34500."
  [[ $(node_modules/.bin/wg-bridge --version | head -1) == "wg-bridge "* ]] || fail "wg-bridge --version does not print the version."
  # What follows is TypeScript, which needs Node.js's types; a program in JavaScript does not.
  npm install --loglevel=error --no-audit --no-fund --prefer-offline --save-dev "@types/node@$types" >/dev/null ||
    fail "npm install @types/node failed."
  cp "$work/program.ts" "$work/types.ts" .
  "$root/node_modules/.bin/tsc" --strict --target es2023 --lib es2023,esnext.disposable --module nodenext program.ts
  run_program
  found=$("$root/scripts/sandbox" node_modules/.bin/wg-bridge doctor) || fail "wg-bridge doctor finds no backend."
  grep -q 'koffi [0-9]' <<<"$found" || fail "wg-bridge doctor does not find koffi's native module: $found"
done

check_types

install --global --prefix "$work/global" --ignore-scripts >/dev/null || fail "npm install --global failed."
for installed in bin/wg-bridge share/man/man1/wg-bridge.1; do
  [[ -e $work/global/$installed ]] || fail "A global install does not contain $installed."
done

# A machine that has no package builds its own programs from the packed sources.
rm -r node_modules/@wg-bridge
npm run --silent --prefix node_modules/wg-bridge build >/dev/null || fail "npm run build failed."
said=$(node_modules/wg-bridge/build/wireguard-go --version | tail -1)
[[ $said == "$("$root/$packages/$here/bin/wireguard-go" --version | tail -1)" ]] ||
  fail "What npm run build makes says \"$said\", other than the packed program."
run_program
echo "Packed $size bytes, and installed $kilobytes kB and ran them with and without install scripts."
