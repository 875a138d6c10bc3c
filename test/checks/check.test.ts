import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { plain } from "./check.js";
import { onePassed } from "./outcome.js";

describe("a check of one command", () => {
  const endless = new AbortController().signal;

  async function run(script: string, signal = endless) {
    const outcomes = plain("a check", ["bash", "-c", script]).jobs.map((job) => job.run(signal));
    const [outcome] = await Promise.all(outcomes);
    assert.ok(outcome);
    return outcome;
  }

  it("passes by its status, and shows both its streams if it fails", async () => {
    assert.deepEqual(await run("echo out"), onePassed);
    const { failed, details } = await run("echo out; echo err >&2; exit 3");
    assert.equal(failed, 1);
    assert.match(details, /out\n/);
    assert.match(details, /err\n/);
  });

  it("is skipped by the status 77, with its last line as the reason", async () => {
    assert.deepEqual((await run("echo first; echo no tool; exit 77")).skips, [
      { test: "a check", reason: "no tool" },
    ]);
  });

  it("fails if a signal ends it", async () => {
    const { failed, details } = await run("kill -SEGV $$");
    assert.equal(failed, 1);
    assert.match(details, /bash was ended by SIGSEGV\n/);
  });

  it("is killed at its limit with all that it started, and says so", async () => {
    const started = 'sleep 1000 & echo "started $!"; wait';
    const { failed, details } = await run(started, AbortSignal.timeout(500));
    assert.equal(failed, 1);
    assert.match(details, /bash was ended by SIGKILL: .*timeout/);
    const pid = Number(/started (\d+)/.exec(details)?.[1]);
    // The killed child is a zombie at most until init has seen it.
    assert.match(stateOf(pid), /^Z?$/);
  });

  it("is killed if a process that left its group still holds the pipes", async () => {
    const holder = "setsid sleep 1000 & echo holder $!; wait";
    const { details } = await run(holder, AbortSignal.timeout(500));
    process.kill(Number(/holder (\d+)/.exec(details)?.[1]), "SIGKILL");
  });
});

/** Returns the letter of proc_pid_stat(5) for a process's state; "" if there is no such process. */
function stateOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.charAt(0) ?? "";
  } catch {
    return "";
  }
}
