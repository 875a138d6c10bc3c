import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout } from "node:timers/promises";
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

  describe("that does not end", () => {
    let directory = "";
    beforeEach(() => {
      directory = mkdtempSync(`${tmpdir()}/check-`);
    });
    afterEach(() => rmSync(directory, { recursive: true }));

    /** Interrupts a script as soon as it has written the number of a process to its directory. */
    async function interrupt(script: string) {
      const interrupted = new AbortController();
      const file = `${directory}/pid`;
      const result = run(`cd ${directory}; ${script}`, interrupted.signal);
      await until(() => existsSync(file));
      interrupted.abort(new Error("too long"));
      return { ...(await result), pid: Number(readFileSync(file, "utf8")) };
    }
    it("is killed with all that it started, and says why", async () => {
      const { failed, details, pid } = await interrupt(
        "echo hello; sleep 1000 & echo $! >unfinished; mv unfinished pid; wait",
      );
      assert.equal(failed, 1);
      assert.match(details, /^hello\n\nbash was ended by SIGKILL: too long\n$/);
      // A killed process is a zombie until init has seen it.
      await until(() => /^Z?$/.test(stateOf(pid)));
    });

    it("ends even if a process that left its group holds the pipes", async () => {
      const holder = "echo $$ >unfinished; mv unfinished pid; exec sleep 1000";
      const { failed, pid } = await interrupt(`setsid bash -c '${holder}' & wait`);
      process.kill(pid, "SIGKILL");
      assert.equal(failed, 1);
    });
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

/** Waits until a condition holds, for half a minute at most. */
async function until(holds: () => boolean): Promise<void> {
  for (let looks = 0; !holds(); looks++) {
    assert.ok(looks < 3000, "It has not come to be.");
    await setTimeout(10);
  }
}
