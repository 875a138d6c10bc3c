import assert from "node:assert/strict";
import { cpuSeconds, memory } from "../../tunnels/process.js";

describe("a process", () => {
  it("has used as much CPU time as Node.js reports about itself", () => {
    const before = { read: cpuSeconds(process.pid), own: process.cpuUsage() };
    const until = before.own.user + 100_000;
    while (process.cpuUsage().user < until);
    const { user, system } = process.cpuUsage(before.own);
    const used = cpuSeconds(process.pid) - before.read;
    assert.ok(Math.abs(used - (user + system) / 1e6) < 0.02, `${used} of ${user + system} µs`);
  });

  it("uses as much memory as Node.js reports about itself, and used at least that at its peak", () => {
    const now = process.memoryUsage.rss() / 2 ** 20;
    assert.ok(Math.abs(memory(process.pid, "VmRSS") - now) < 5);
    const before = process.resourceUsage().maxRSS / 1024;
    const peak = memory(process.pid, "VmHWM");
    const after = process.resourceUsage().maxRSS / 1024;
    assert.ok(peak > before - 0.5 && peak < after + 0.5, `${before} ${peak} ${after}`);
  });

  it("has neither once it has ended", () => {
    assert.throws(() => cpuSeconds(2 ** 22 + 1), { code: "ENOENT" });
    assert.throws(() => memory(2 ** 22 + 1, "VmRSS"), { code: "ENOENT" });
  });
});
