import assert from "node:assert/strict";
import { cpuSeconds, memory } from "../../tunnels/process.js";

describe("a process", () => {
  it("has used as much more CPU time as Node tells of itself", () => {
    const before = { told: cpuSeconds(process.pid), own: process.cpuUsage() };
    const until = before.own.user + 100_000;
    while (process.cpuUsage().user < until);
    const { user, system } = process.cpuUsage(before.own);
    const told = cpuSeconds(process.pid) - before.told;
    assert.ok(Math.abs(told - (user + system) / 1e6) < 0.02, `${told} of ${user + system} µs`);
  });

  it("holds the memory that Node tells of itself, and held no less at its peak", () => {
    const now = process.memoryUsage.rss() / 2 ** 20;
    assert.ok(Math.abs(memory(process.pid, "VmRSS") - now) < 5);
    const least = process.resourceUsage().maxRSS / 1024;
    const peak = memory(process.pid, "VmHWM");
    const most = process.resourceUsage().maxRSS / 1024;
    assert.ok(peak > least - 0.5 && peak < most + 0.5, `${least} ${peak} ${most}`);
  });

  it("that has ended has neither", () => {
    assert.throws(() => cpuSeconds(2 ** 22 + 1), { code: "ENOENT" });
    assert.throws(() => memory(2 ** 22 + 1, "VmRSS"), { code: "ENOENT" });
  });
});
