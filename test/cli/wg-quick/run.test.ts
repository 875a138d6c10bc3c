import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { packageRoot } from "../../../src/artifacts.js";
import { onlyInSandbox } from "../../sandbox.js";

/** A program that runs a script of bash as `wg-bridge up` runs wg-quick. */
const driver = `
import { runAttached } from "${packageRoot}/dist/src/cli/wg-quick.js";
process.exitCode = await runAttached(["bash", "--norc", "-c", process.argv[1]], process.env);

`;

function start(script: string) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", driver, script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdout.setEncoding("utf8");
  return child;
}

describe("a command that has our standard streams", () => {
  onlyInSandbox();

  for (const [signal, number] of [
    ["SIGTERM", 15],
    ["SIGHUP", 1],
    ["SIGINT", 2],
  ] as const) {
    it(`receives ${signal}, and may take its time to end`, async () => {
      const child = start(`trap 'echo told; exit 5' ${number}; echo ready; read`);
      assert.deepEqual(await once(child.stdout, "data"), ["ready\n"]);
      child.kill(signal);
      assert.deepEqual(await once(child.stdout, "data"), ["told\n"]);
      assert.deepEqual(await once(child, "exit"), [5, null]);
    });
  }

  it("reads our standard input, and determines our exit code", async () => {
    const child = start("read word; echo $word; exit 3");
    child.stdin.end("hello\n");
    assert.deepEqual(await once(child.stdout, "data"), ["hello\n"]);
    assert.deepEqual(await once(child, "exit"), [3, null]);
  });

  it("determines our exit code by the signal that ended it, as in a shell", async () => {
    const child = start("kill -KILL $$");
    assert.deepEqual(await once(child, "exit"), [128 + 9, null]);
  });
});
