import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { onlyInSandbox } from "../sandbox.js";
import { discover, inject } from "./injection.js";
import { forbiddenOutcomes } from "./outcome.js";
import type { Fault } from "./plan.js";
import { FaultSite } from "./site.js";
import { straceObstacle } from "./strace.js";
import { subjects } from "./subject.js";
import { formatResults } from "./table.js";

/** Calls whose failure once left something, hung or went unreported. Node.js itself hardly makes them. */
const everywhere = ["getsockname", "inotify_init1", "ppoll", "recvfrom", "recvmmsg", "unlinkat"];

/** The calls for each program. In our own executable, some calls of every other kind fail, too. */
const calls = new Map([
  ["ffi", new Set([...everywhere, "ioctl", "socket"])],
  [
    "exec",
    new Set([
      ...everywhere,
      ...["accept4", "bind", "epoll_ctl", "fcntl", "listen", "newfstatat", "openat"],
      ...["read", "recvmsg", "sendmmsg", "write", "writev"],
    ]),
  ],
]);

/** Selects the first call alone, and all calls from the phase on that has the first of them. */
function selected(faults: readonly Fault[]): Fault[] {
  const always = faults.filter(({ nth, by }) => nth === "always" && by === "strace");
  return faults.filter(
    (fault) =>
      fault.nth === 1 ||
      fault === always.findLast(({ call }) => call === fault.call) ||
      (fault.by === "seccomp" && fault.call === "recvmmsg"),
  );
}

const obstacle =
  straceObstacle() ??
  (existsSync(`${packageRoot}/build/faults/deny`) ? undefined : "build/faults/deny is not built");
const skipped = obstacle === undefined ? "" : ` [skipped: ${obstacle}]`;

describe("a kernel that refuses", () => {
  onlyInSandbox();

  for (const subject of subjects.filter(({ title }) => calls.has(title))) {
    it(`makes ${subject.title} leave nothing, never hang and say why${skipped}`, async function () {
      if (obstacle !== undefined) this.skip();
      this.timeout(300_000);
      await using site = await FaultSite.make();
      const wanted = (call: string) => calls.get(subject.title)?.has(call) ?? false;
      const faults = selected(await discover(site, subject, 1, wanted));
      const planned = new Set(faults.map(({ call }) => call));
      const missing = [...(calls.get(subject.title) ?? [])].filter((call) => !planned.has(call));
      assert.ok(missing.length <= 2, `strace sees no call of ${missing.join(", ")}`);
      const results = [];
      for (const fault of faults) results.push(await inject(site, subject, fault));
      const bad = results.filter(({ outcome }) => forbiddenOutcomes.includes(outcome));
      assert.equal(formatResults(bad), formatResults([]));
      const met = results.filter(({ outcome }) => outcome !== "NOT MET");
      assert.ok(met.length > results.length / 2, formatResults(results));
    });
  }
});
