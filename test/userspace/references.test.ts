import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { onlyInSandbox } from "../sandbox.js";

const program = fileURLToPath(new URL("references.js", import.meta.url));
const run = promisify(execFile);

for (const backend of ["exec", "ffi"] as const) {
  describe(`ref() and unref() on ${backend}`, function () {
    this.timeout(60_000);
    onlyInSandbox();

    it("decide what keeps a program alive, and it ends once its tunnels are closed", async () => {
      const { stdout, stderr } = await run(process.execPath, [program, backend], {
        timeout: 50_000,
      });
      assert.deepEqual(JSON.parse(stdout), [
        ["open tunnels", 1],
        ["a server listens", 1],
        ["its unref()", 0],
        ["its ref()", 1],
        ["two ends of a connection", 2],
        ["unref() of the accepted", 1],
        ["unref() of the other", 0],
        ["its ref()", 1],
        ["its end", 0],
        ["unref() before it is connected", 0],
        ["its ref() after that", 1],
        ["a datagram socket", 1],
        ["its unref()", 0],
        ["its ref()", 1],
        ["its end", 0],
        ["a question", 1],
        ["its answer", 0],
      ]);
      assert.equal(stderr, "");
    });
  });
}
