import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openTunnel } from "../../src/index.js";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";

const run = promisify(execFile);
const applier = fileURLToPath(new URL("applier.js", import.meta.url));
const peers = 20;

describe("two processes that apply different configurations to one interface", () => {
  onlyInSandbox();
  endLeftTunnels("wgm0");

  for (const backend of ["ffi", "exec"] as const) {
    it(`leave one of them whole on ${backend}, never a mixture`, async () => {
      await using tunnel = await openTunnel({ name: "wgm0", backend });
      for (let round = 0; round < 5; round++) {
        const apply = (first: number) =>
          run(process.execPath, [applier, "wgm0", String(peers), String(first), "6"]);
        await Promise.all([apply(1), apply(2)]);
        const status = await tunnel.status();
        const firsts = new Set(
          status.peers.map(({ publicKey }) => Buffer.from(publicKey, "base64")[0]),
        );
        assert.deepEqual([...firsts], [status.fwmark]);
        assert.equal(status.peers.length, peers);
        assert.ok(status.peers.every(({ allowedIps }) => allowedIps.length === 1));
      }
    });
  }
});
