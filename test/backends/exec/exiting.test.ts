import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { isExiting } from "../../../src/backends/exec/exiting.js";

/** Resolves once a condition holds. */
async function holds(otherwise: string, condition: () => boolean): Promise<void> {
  for (const until = Date.now() + 10_000; !condition(); ) {
    assert.ok(Date.now() < until, otherwise);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a process that is looked at", () => {
  it("runs, or has ended, or is not there", async () => {
    // What the shell has started stays a zombie if it ends after the shell has become sleep, which waits for no child.
    const shell = spawn("sh", ["-c", "read _ <&3 & echo $!; exec sleep 1000"], {
      stdio: ["ignore", "pipe", "inherit", "pipe"],
    });
    const { pid, stdout } = shell;
    const held = shell.stdio[3];
    assert.ok(pid !== undefined && stdout !== null && held instanceof Writable);
    const ended = once(shell, "exit");
    const [child] = await once(createInterface(stdout), "line");
    await holds(
      "the shell is not sleep",
      () => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n",
    );
    assert.equal(isExiting(Number(child)), false);
    held.end();
    await holds("the child has not ended", () => isExiting(Number(child)) === true);
    assert.equal(isExiting(pid), false);
    shell.kill();
    await ended;
    assert.equal(isExiting(pid), undefined);
  });
});
