// node tarballs.js: fails unless build/packages/tarballs holds this version's packages, whole, and nothing else.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { architectures, publishedPackages, tarballOf, tarballs, version } from "./published.js";

const files = publishedPackages().map((name) => basename(tarballOf(name)));
const sums = "SHA256SUMS";
assert.deepEqual(readdirSync(tarballs).sort(), [...files, sums].sort(), tarballs);
const summed = readFileSync(`${tarballs}/${sums}`, "utf8").matchAll(/^[0-9a-f]{64} [ *](.+)$/gm);
assert.deepEqual(Array.from(summed, ([, file]) => file).sort(), files.sort(), sums);
execFileSync("sha256sum", ["--check", "--strict", "--quiet", sums], {
  cwd: tarballs,
  stdio: "inherit",
});

for (const name of publishedPackages()) {
  const text = execFileSync("tar", ["-xzOf", tarballOf(name), "package/package.json"]);
  const manifest = JSON.parse(text.toString());
  assert.deepEqual([manifest.name, manifest.version], [name, version]);
  if (name !== "wg-bridge") continue;
  const engines = architectures.map((arch) => [`@wg-bridge/linux-${arch}`, version]);
  assert.deepEqual(manifest.optionalDependencies, Object.fromEntries(engines));
}
console.log(`${files.length} packages of ${version}`);
