import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot, sandboxScript } from "../../../src/artifacts.js";
import { straceObstacle } from "../../faults/strace.js";
import { onlyInSandbox } from "../../sandbox.js";

const obstacle = straceObstacle();
const title = obstacle === undefined ? "" : ` [skipped: ${obstacle}]`;

describe("the stack on which koffi calls the library", () => {
  onlyInSandbox();

  let directory = "";

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-stack-`);
  });

  after(() => rmSync(directory, { recursive: true }));

  /**
   * Counts how often a process reads its memory map once it has loaded the library, while it opens and closes as many ffi
   * tunnels, one by one. Before, Node.js reads it more or less often, as it finds room for its code.
   */
  function countReads(tunnels: number): number {
    const code = `import { openTunnel } from "${packageRoot}/dist/src/index.js";
      const config = { privateKey: "${Buffer.alloc(32, 1).toString("base64")}", peers: [] };
      for (let number = 0; number < ${tunnels}; number++) {
        const options = number % 2 === 0 ? { name: "wgs0" } : { network: "userspace", addresses: ["10.0.0.1"], config };
        const tunnel = await openTunnel({ ...options, backend: "ffi" });
        await tunnel.close();
        await openTunnel({ name: "lo", backend: "ffi" }).then(() => process.exit(1), () => {});
      }`;
    const trace = `${directory}/trace`;
    const strace = ["strace", "-f", "-qq", "-e", "trace=?open,openat", "-o", trace];
    execFileSync(
      sandboxScript,
      [...strace, process.execPath, "--input-type=module", "--eval", code],
      { timeout: 120_000 },
    );
    const opened = readFileSync(trace, "utf8");
    const loaded = opened.indexOf('/wireguard_go_bridge.so"');
    assert.notEqual(loaded, -1, opened);
    return opened.slice(loaded).match(/"\/proc\/(self|\d+)\/maps"/g)?.length ?? 0;
  }

  it(`is looked up once, not in every call${title}`, function () {
    if (obstacle !== undefined) this.skip();
    assert.equal(countReads(3), 1);
  });
});
