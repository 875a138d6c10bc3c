import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { executablePath } from "../../src/engine/files.js";
import { onlyInSandbox } from "../sandbox.js";
import { FarEnd } from "./far-end.js";
import { buildOldKernel } from "./oldkernel.js";

const space = "old";

describe("A tunnel on an older kernel, or without netlink, carries pings and TCP both ways:", () => {
  onlyInSandbox();
  const oldKernel = buildOldKernel();
  let directory: string;
  let far: FarEnd;

  before(async () => {
    directory = mkdtempSync(`${tmpdir()}/old-kernel-`);
    far = await FarEnd.open(space);
  });

  after(async () => {
    await far?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  for (const version of ["5.4", "4.19", "4.4", "3.10", "sandbox"]) {
    const where = version === "sandbox" ? "without netlink" : `on Linux ${version}`;
    it(`the executable ${where}`, async () => {
      // Node.js itself needs more than 3.10 has.
      const executable = `${directory}/wireguard-go-${version}`;
      const command = `exec ${oldKernel()} ${version} ${executablePath({})} "$@"`;
      writeFileSync(executable, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
      await far.expectTunnel({ backend: "exec", executable }, (words) => run(words));
    }).timeout(60_000);
  }

  for (const version of ["5.4", "4.19", "4.4"]) {
    for (const backend of ["exec", "ffi"] as const) {
      it(`Node.js with ${backend} on Linux ${version}`, () =>
        far.expectTunnel({ backend }, (words) => run([oldKernel(), version, ...words]))).timeout(
        60_000,
      );
    }
  }

  it("but Node.js itself does not start on Linux 3.10", () => {
    const { signal } = spawnSync(oldKernel(), ["3.10", process.execPath, "-e", "0"]);
    const { status } = spawnSync(oldKernel(), ["4.4", process.execPath, "-e", "0"]);
    assert.deepEqual({ signal, status }, { signal: "SIGABRT", status: 0 });
  });

  function run(words: readonly string[]) {
    return spawn("ip", ["netns", "exec", space, ...words], { stdio: "pipe" });
  }
});
