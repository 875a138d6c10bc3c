import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { onlyInSandbox } from "../sandbox.js";
import { forbiddenOutcomes } from "./outcome.js";
import type { Fault } from "./plan.js";
import { FaultSite } from "./site.js";
import { straceObstacle } from "./strace.js";
import { subjects } from "./subject.js";
import { discover, inject } from "./suite.js";
import { formatResults } from "./table.js";

/** Calls whose failure has once left, hung or hidden something, and some of each other kind. */
const calls = new Set([
  "accept4",
  "bind",
  "epoll_ctl",
  "getsockname",
  "inotify_init1",
  "ioctl",
  "listen",
  "newfstatat",
  "ppoll",
  "read",
  "recvfrom",
  "recvmmsg",
  "recvmsg",
  "sendmmsg",
  "socket",
  "unlinkat",
  "writev",
]);

/** The first call alone, and all from the beginning of the phase on that has the first of them. */
function selected(faults: readonly Fault[]): Fault[] {
  const always = faults.filter(({ nth, by }) => nth === "always" && by === "strace");
  const seccomp = new Set(["socket", "recvmmsg"]);
  return faults.filter(
    (fault) =>
      fault.nth === 1 ||
      fault === always.findLast(({ call }) => call === fault.call) ||
      (fault.by === "seccomp" && seccomp.has(fault.call)),
  );
}

const obstacle =
  straceObstacle() ??
  (existsSync(`${packageRoot}/build/faults/deny`) ? undefined : "build/faults/deny is not built");
const skipped = obstacle === undefined ? "" : ` [skipped: ${obstacle}]`;

describe("a kernel that refuses", () => {
  onlyInSandbox();

  for (const subject of subjects.filter(({ title }) => title === "exec" || title === "ffi")) {
    it(`makes ${subject.title} leave nothing, hang nowhere and say why${skipped}`, async function () {
      if (obstacle !== undefined) this.skip();
      this.timeout(300_000);
      await using site = await FaultSite.make();
      const faults = selected(await discover(site, subject, 1, (call) => calls.has(call)));
      assert.ok(faults.length > 20, "strace sees what the program calls");
      const results = [];
      for (const fault of faults) results.push(await inject(site, subject, fault));
      const bad = results.filter(({ outcome }) => forbiddenOutcomes.includes(outcome));
      assert.equal(formatResults(bad), formatResults([]));
      const met = results.filter(({ outcome }) => outcome !== "NOT MET");
      assert.ok(met.length > 20, formatResults(results));
    });
  }
});
