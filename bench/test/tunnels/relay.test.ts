import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { PrivateKey } from "../../../src/values/key.js";
import { statFields } from "../../../test/processes.js";
import { onlyInSandbox } from "../../../test/sandbox.js";
import { startRelay, wordsOf } from "../../tunnels/relay.js";

describe("the arguments of the relay", () => {
  const path = { rate: 1e9, delay: 2.5, queue: 100 };

  it("are a rate, a delay and a queue", () => {
    assert.deepEqual(wordsOf(path), ["1000000000", "2.5ms", "100"]);
  });

  it("name what comes late and what is lost only if something does", () => {
    const reordering = { share: 0.01, late: 3 };
    assert.deepEqual(wordsOf({ ...path, reordering }).slice(3), ["0.01", "3ms", "0"]);
    assert.deepEqual(wordsOf({ ...path, loss: 0.001 }).slice(3), ["0", "0ms", "0.001"]);
  });
});

describe("a relay between two ends", () => {
  onlyInSandbox();

  it("is where each end reaches the other, and comes before ordinary processes if it may", async function () {
    const end = (port: number) => ({ address: "192.0.2.1", port, key: PrivateKey.generate() });
    const [near, far] = [end(10_001), end(10_002)];
    const relay = await startRelay({ rate: 1e9, delay: 1, queue: 1e6 }, near, far);
    try {
      assert.deepEqual(relay.near, { ...near, port: 10_004 });
      assert.deepEqual(relay.far, { ...far, port: 10_003 });
      if (spawnSync("chrt", ["--fifo", "1", "true"]).status !== 0) return this.skip();
      // Source: proc_pid_stat(5), field 41, the scheduling policy. 1: SCHED_FIFO.
      const { pid } = relay.program;
      const policies = readdirSync(`/proc/${pid}/task`).map(
        (thread) => statFields(`/proc/${pid}/task/${thread}/stat`)[38],
      );
      assert.deepEqual(new Set(policies), new Set(["1"]));
    } finally {
      await relay.program.stop();
    }
  });
});
