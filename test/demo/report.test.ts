import assert from "node:assert/strict";
import { isUnavailable, type Outcome } from "../../src/demo/demonstration.js";
import { formatDemo, reportOf } from "../../src/demo/report.js";
import { WgBridgeError } from "../../src/errors.js";
import { plainStyle } from "../../src/text/style.js";

const transfer = { bytes: 125_000_000, seconds: 0.5, sha256Equal: true };
const measured = {
  openSeconds: 0.0456,
  requests: { count: 200, seconds: 0.1 },
  download: transfer,
  upload: { ...transfer, seconds: 0.8 },
  encrypted: { sent: 130 * 2 ** 20, received: 131 * 2 ** 20 },
};
const exec: Outcome = { backend: "exec", outcome: "passed", ...measured };
const ffi: Outcome = { ...exec, backend: "ffi" };
const unavailable: Outcome = {
  backend: "ffi",
  outcome: "unavailable",
  reason: "There is no library.\u001b[2J",
};

function format(...outcomes: readonly Outcome[]): string {
  return formatDemo(reportOf(outcomes), plainStyle);
}

describe("the demonstration's report", () => {
  it("has a row for each backend, with what moved and how fast", () => {
    const lines = format(exec, ffi).split("\n");
    const cells = lines.map((line) => line.split(/ {2,}/));
    const titles = cells.find(([first]) => first === "backend");
    assert.deepEqual(
      titles?.map((title, column) => [
        title,
        cells.find(([first]) => first === "exec")?.[column],
        cells.find(([first]) => first === "ffi")?.[column],
      ]),
      [
        ["backend", "exec", "ffi"],
        ["open, ms", "46", "46"],
        ["requests", "200", "200"],
        ["a second", "2000", "2000"],
        ["down, Gbit/s", "2.00", "2.00"],
        ["up, Gbit/s", "1.25", "1.25"],
        ["moved, MiB", "261", "261"],
        ["SHA-256", "equal", "equal"],
      ],
    );
    assert.equal(lines.at(-2), "exec and ffi passed.");
    for (const line of lines) assert.ok(line.length <= 100, line);
  });

  it("shows why a backend cannot run, without control characters, and passes by the other", () => {
    const text = format(exec, unavailable);
    assert.match(text, /^ffi {6}cannot run here: There is no library\.\\x1b\[2J$/m);
    assert.match(text, /\nexec passed\.\n$/);
    assert.equal(reportOf([exec, unavailable]).passed, true);
  });

  it("does not pass if no backend can run", () => {
    assert.equal(reportOf([unavailable]).passed, false);
    assert.match(format(unavailable), /\nNo backend can run here: .* doctor .*\n$/);
    assert.doesNotMatch(format(unavailable), /Open: /);
  });

  it("does not pass if one failed, or a SHA-256 differs", () => {
    const failed: Outcome = { backend: "ffi", outcome: "failed", reason: "It ended." };
    assert.equal(reportOf([exec, failed]).passed, false);
    assert.match(format(exec, failed), /^ffi {6}failed: It ended\.$/m);
    assert.match(format(exec, failed), /\nffi failed\.\n$/);
    const upload = { ...transfer, sha256Equal: false };
    const damaged: Outcome = { ...exec, outcome: "damaged", upload };
    assert.equal(reportOf([damaged, ffi]).passed, false);
    assert.match(format(damaged, ffi), /^exec .* differs$/m);
    assert.match(format(damaged, ffi), /\nexec failed\.\n$/);
  });
});

describe("what keeps a backend from running", () => {
  for (const [code, expected] of [
    ["WG_BRIDGE_LIBRARY_MUSL", true],
    ["WG_BRIDGE_ENGINE_MISSING", true],
    ["WG_BRIDGE_EXECUTABLE_ARCHITECTURE", true],
    ["WG_BRIDGE_UNSUPPORTED", true],
    ["WG_BRIDGE_ENGINE", false],
    ["WG_BRIDGE_EXECUTABLE_CRASHED", false],
    ["WG_BRIDGE_TIMEOUT", false],
    ["WG_BRIDGE_SOCKET_DIRECTORY", false],
  ] as const) {
    it(`${code} ${expected ? "does" : "is a failure"}`, () => {
      assert.equal(isUnavailable(new WgBridgeError(code, "It does.")), expected);
    });
  }

  it("nothing of another kind does", () => {
    assert.equal(isUnavailable(new Error("fetch failed")), false);
  });
});
