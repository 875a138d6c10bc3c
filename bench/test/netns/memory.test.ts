import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { sandboxScript } from "../../../src/artifacts.js";
import { onlyInSandbox } from "../../../test/sandbox.js";
import { largestDaemon, MemoryWatch } from "../../netns/memory.js";
import { runInSandbox } from "../../sandbox/sandbox.js";

const mebibyte = 2 ** 20;

/** Runs a shell command in a sandbox, calls `measure` once it has printed something, then kills it. */
async function whileRunning<Measured>(
  script: string,
  measure: (pid: number) => Promise<Measured> | Measured,
): Promise<Measured> {
  const output = new EventEmitter();
  const killed = new AbortController();
  let sandbox = 0;
  const ended = runInSandbox([sandboxScript, "bash", "-c", script], {
    env: process.env,
    signal: killed.signal,
    onLine: () => output.emit("ready"),
    onStart: (pid) => {
      sandbox = pid;
    },
  });
  try {
    await once(output, "ready");
    return await measure(sandbox);
  } finally {
    killed.abort();
    await ended;
  }
}

const hold = (size: number) =>
  `${process.execPath} -e 'const held = Buffer.alloc(${size}, 1); console.log("ready"); setInterval(() => held, 1e6)'`;

describe("the memory of the daemons", () => {
  onlyInSandbox();

  it("is the resident memory of a process that holds /dev/net/tun", async () => {
    const script = `exec 9<>/dev/net/tun; exec ${hold(100 * mebibyte)}`;
    const peak = (await whileRunning(script, largestDaemon)) ?? 0;
    assert.ok(peak > 100, `${peak} MiB`);
    assert.ok(peak < 400, `${peak} MiB`);
  });

  it("is that of the largest daemon, wherever in the sandbox it runs", async () => {
    const script = `exec 9<>/dev/net/tun; setsid ${hold(100 * mebibyte)} & wait`;
    const peak = (await whileRunning(script, largestDaemon)) ?? 0;
    assert.ok(peak > 100, `${peak} MiB`);
  });

  it("does not count a process that holds no TUN device", async () => {
    assert.equal(await whileRunning(hold(mebibyte), largestDaemon), null);
  });

  it("does not count a process outside the sandbox", async () => {
    const outside = spawn("bash", ["-c", `exec 9<>/dev/net/tun; exec ${hold(mebibyte)}`]);
    try {
      await once(outside.stdout, "data");
      assert.equal(await whileRunning(hold(mebibyte), largestDaemon), null);
    } finally {
      outside.kill();
      await once(outside, "close");
    }
  });

  it("is sampled until the watch stops", async () => {
    const script = `exec 9<>/dev/net/tun; exec ${hold(mebibyte)}`;
    const peak = await whileRunning(script, async (pid) => {
      const watch = new MemoryWatch(pid);
      while (watch.peak === null) await pause(10);
      watch.stop();
      return watch.peak;
    });
    assert.ok(peak > 1);
  });
});
