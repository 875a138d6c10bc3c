import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { isExiting } from "../../../src/backends/exec/exiting.js";

describe("a process that is looked at", () => {
  it("runs, or has ended, or is not there", async () => {
    // What the shell has started stays a zombie: sleep waits for no child.
    const shell = spawn("sh", ["-c", "true & echo $!; exec sleep 1000"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { pid } = shell;
    assert.ok(pid !== undefined);
    const ended = once(shell, "exit");
    const [child] = await once(createInterface(shell.stdout), "line");
    for (const until = Date.now() + 10_000; isExiting(Number(child)) !== true; ) {
      assert.ok(Date.now() < until, "it has not ended");
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(isExiting(pid), false);
    shell.kill();
    await ended;
    assert.equal(isExiting(pid), undefined);
  });
});
