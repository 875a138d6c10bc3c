import assert from "node:assert/strict";
import { warningsIn } from "./warnings.js";

describe("the warnings of a package manager", () => {
  for (const line of [
    "npm warn install-scripts 1 package has install scripts not yet covered by allowScripts:",
    "npm warn install-scripts   koffi@3.3.4 (install: node src/install.js)",
    "  ╰─▶ Ignored build scripts: koffi@3.3.4",
    "➤ YN0004: │ koffi@npm:3.3.4 lists build scripts, but all build scripts have been disabled.",
    "Blocked 1 postinstall. Run `bun pm untrusted` for details.",
    '│  Run "deno approve-scripts" to run build scripts.',
    'warning " > wg-bridge@0.1.0" has unmet peer dependency "@types/node@*".',
    "➤ YN0002: │ p@workspace:. doesn't provide @types/node (p638f15), requested by wg-bridge.",
  ]) {
    it(`are found: ${line}`, () => assert.deepEqual(warningsIn(`added\n${line}\ndone`), [line]));
  }

  for (const line of [
    "added 10 packages in 6s",
    "Packages are hard linked from the content-addressable store to the virtual store.",
    "[4/4] Building fresh packages...",
    "warning You don't appear to have an internet connection. Try the --offline flag to use the cache for registry queries.",
    "➤ YN0092: │ ESM support for PnP uses the experimental loader API and is therefore experimental",
  ]) {
    it(`are not this: ${line}`, () => assert.deepEqual(warningsIn(line), []));
  }
});
