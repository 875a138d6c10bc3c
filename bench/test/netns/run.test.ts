import assert from "node:assert/strict";
import { sandboxScript } from "../../../src/artifacts.js";
import { processesWith } from "../../../test/processes.js";
import { onlyInSandbox } from "../../../test/sandbox.js";
import { type RunOptions, runOnce } from "../../netns/run.js";
import type { Progress } from "../../netns/transcript.js";
import { announce, recorded } from "./fixtures.js";

const ample = { stall: 60_000, total: 60_000 };

/** Runs a shell command in place of netns.sh. */
function run(script: string, options: Partial<RunOptions> = {}) {
  return runOnce({
    command: ["bash", "-c", script],
    env: process.env,
    bounds: ample,
    onStep: () => {},
    signal: new AbortController().signal,
    ...options,
  });
}

const print = (text: string) => `printf %s ${quote(text)}`;
const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

describe("a run of netns.sh", () => {
  onlyInSandbox();

  it("passes with exit status 0 and the last step announced", async () => {
    const { stepsPassed, failure, legs } = await run(print(recorded("passing")));
    assert.deepEqual({ stepsPassed, failure }, { stepsPassed: 251, failure: null });
    assert.equal(legs.length, 16);
  });

  it("fails by its exit status, even if all steps were announced", async () => {
    const { failure } = await run(`${print(recorded("passing"))}; exit 3`);
    assert.equal(
      failure?.because,
      "exit status 3 at step 251, Objects that were created were also destroyed.",
    );
  });

  it("fails with exit status 0 if the last step was never announced", async () => {
    const { stepsPassed, failure } = await run(print(recorded("start-up-failing")));
    assert.equal(stepsPassed, 13);
    assert.deepEqual(failure, {
      section: "set-up",
      because:
        "it ended with exit status 0 before its last step at step 14, NS1: ip addr add 192.168.241.1/24 dev wg1",
      output: failure?.output,
    });
    assert.equal(failure?.output.at(-1), 'Cannot find device "wg1"');
  });

  it("is killed when no new step begins for too long, whatever else it prints", async () => {
    const chatter = "while :; do echo chatter; read -t 0.05 -u 9 _; done 9<> <(:)";
    const { stepsPassed, failure } = await run(`${print(announce("wg genkey"))}; ${chatter}`, {
      bounds: { stall: 500, total: 60_000 },
    });
    assert.equal(
      failure?.because,
      "it made no progress for too long and was killed at step 1, wg genkey",
    );
    assert.equal(stepsPassed, 0);
  });

  it("is killed when it takes too long in total", async () => {
    const steps = `while :; do ${print(announce("wg genkey"))}; read -t 0.05 -u 9 _; done 9<> <(:)`;
    const { failure } = await run(steps, { bounds: { stall: 60_000, total: 500 } });
    assert.match(failure?.because ?? "", /^it took too long in all and was killed at step \d+, /);
  });

  it("reports each step as it begins", async () => {
    const reported: Progress[] = [];
    await run(print(announce("wg genkey") + announce("wg pubkey")), {
      onStep: (progress) => reported.push(progress),
    });
    assert.equal(reported.at(-1)?.step, 2);
    assert.equal(reported.at(-1)?.command, "wg pubkey");
  });

  it("ends on abort, with everything in its sandbox, and rejects with the reason", async () => {
    const stop = new AbortController();
    const lasting = `1000.${process.pid}`;
    const script = `sleep ${lasting} & setsid sleep ${lasting} & ${print(announce("wg genkey"))}; wait`;
    const reason = new Error("interrupted");
    const running = run("", {
      command: [sandboxScript, "bash", "-c", script],
      signal: stop.signal,
      onStep: () => {
        assert.notDeepEqual(processesWith(`sleep ${lasting}`), []);
        stop.abort(reason);
      },
    });
    await assert.rejects(running, reason);
    assert.deepEqual(processesWith(`sleep ${lasting}`), []);
  });

  it("does not begin if it is aborted already", async () => {
    await assert.rejects(run("exit 0", { signal: AbortSignal.abort(new Error("too late")) }), {
      message: "too late",
    });
  });

  it("rejects when the harness cannot be started", async () => {
    await assert.rejects(run("", { command: ["/nonexistent/test.sh"] }), { code: "ENOENT" });
  });
});
