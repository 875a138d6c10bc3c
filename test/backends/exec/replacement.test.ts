import assert from "node:assert/strict";
import {
  type Circumstances,
  reasonToStay,
  replacedEnvironment,
} from "../../../src/backends/exec/replacement.js";

const reporter = ["/usr/bin/node", "/lib/report.js", "/lib/wireguard-go", "wg0"];

/** Circumstances in which nothing needs this process. */
const free: Circumstances = {
  replaceable: true,
  versions: { node: "24.0.0" },
  nodeOptions: [],
  connected: false,
  origin: "packaged",
  env: { PATH: "/bin", WG_PROCESS_STATUS_FD: "", WG_TUN_FD: "", NOTIFY_SOCKET: "/run/notify" },
  reporter,
  unwritten: 0,
};

describe("reasonToStay", () => {
  it("finds none if nothing needs this process", () => {
    assert.equal(reasonToStay(free), undefined);
    assert.equal(reasonToStay({ ...free, origin: "built" }), undefined);
  });

  const reasons: readonly (readonly [string, Partial<Circumstances>, RegExp])[] = [
    ["Node.js is too old", { replaceable: false }, /^Node\.js 24\.0\.0 has no process\.execve\.$/],
    [
      "it is Bun",
      { versions: { node: "24.0.0", bun: "1.4.5" } },
      /^This is bun, and not Node\.js\.$/,
    ],
    ["it is Deno", { versions: { node: "24.0.0", deno: "2.9.6" } }, /^This is deno,/],
    ["it is Electron", { versions: { node: "24.0.0", electron: "40.0.0" } }, /^This is electron,/],
    ["the executable is named", { origin: "named" }, /another program/],
    [
      "Node.js has options",
      { nodeOptions: ["--cpu-prof", "--no-warnings"] },
      /^--cpu-prof is meant /,
    ],
    ["it may be sent messages", { connected: true }, /messages/],
    [
      "the status goes elsewhere",
      { env: { WG_PROCESS_STATUS_FD: "3" } },
      / WG_PROCESS_STATUS_FD names/,
    ],
    ["it is given an interface", { env: { WG_TUN_FD: "3" } }, / WG_TUN_FD names/],
    ["it is given a socket", { env: { WG_UAPI_FD: "3" } }, / WG_UAPI_FD names/],
    ["nothing could report a failure", { reporter: undefined }, /reports failures/],
    ["its messages are not written yet", { unwritten: 1 }, /still being written/],
    ["a path has two lines", { reporter: ["/usr/bin/node", "/a\nb/report.js"] }, /line break/],
  ];
  for (const [title, difference, expected] of reasons) {
    it(`finds one if ${title}`, () => {
      assert.match(reasonToStay({ ...free, ...difference }) ?? "", expected);
    });
  }
});

describe("replacedEnvironment", () => {
  const manager = { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "2", WATCHDOG_PID: "7" };
  const kept = { ...manager, LOG_LEVEL: "silent" };
  const WG_PROCESS_REPORTER = "/usr/bin/node\n/lib/report.js\n/lib/wireguard-go\nwg0";

  it("keeps the service manager, and leaves out what is about a parent", () => {
    const env = { ...kept, WG_PROCESS_LIFELINE_FD: "3", WG_PROCESS_NOTIFY_PID: "8" };
    assert.deepEqual(replacedEnvironment(env, reporter, false), { ...kept, WG_PROCESS_REPORTER });
  });

  it("says whether standard error is to block again", () => {
    const WG_PROCESS_BLOCKING_STDERR = "1";
    const env = replacedEnvironment(kept, reporter, true);
    assert.deepEqual(env, { ...kept, WG_PROCESS_REPORTER, WG_PROCESS_BLOCKING_STDERR });
  });
});
