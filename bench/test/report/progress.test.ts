import assert from "node:assert/strict";
import { Progress } from "../../report/progress.js";

/** What was written in the first two of eight turns, each of 20 seconds. */
function show(isTTY: boolean, env = {}, columns = 80): string {
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  let seconds = 0;
  const progress = new Progress({ isTTY, columns, write }, env, 8, () => seconds * 1000);
  progress.begin("upstream 1 of 4");
  progress.doing("tcp", "TCP, MTU 1420, 1 up");
  progress.doing("tcp", "TCP, MTU 1420, 1 down");
  seconds = 20;
  progress.finish({ because: "It ended." });
  progress.begin("exec 1 of 4");
  progress.doing("ping", "ping, idle");
  progress.finish(undefined);
  progress.clear();
  return written;
}

describe("the progress of a benchmark", () => {
  const plain = { NO_COLOR: "1", TERM: "xterm" };

  it("is a line for each turn, leg and outcome if there is no terminal, with the remaining time", () => {
    assert.deepEqual(show(false).split("\n"), [
      "0:00  upstream 1 of 4",
      "0:00  upstream 1 of 4: TCP, MTU 1420, 1 up",
      "0:20  ✗ upstream 1 of 4: It ended.",
      "0:20  exec 1 of 4, about 2:20 left",
      "0:20  exec 1 of 4, about 2:20 left: ping, idle",
      "0:20  ✓ exec 1 of 4",
      "",
    ]);
  });

  it("is one line on a terminal that says what is being measured; only outcomes stay", () => {
    const written = show(true, plain);
    const lines = written.split("\r\u001b[K");
    assert.ok(lines.includes("0:00  upstream 1 of 4: TCP, MTU 1420, 1 down"));
    assert.ok(lines.includes("0:20  exec 1 of 4, about 2:20 left: ping, idle"));
    assert.equal(lines.at(-1), "");
    assert.equal(written.split("\n").length, 3);
  });

  it("is no wider than the terminal", () => {
    const lines = show(true, plain, 30).split("\r\u001b[K");
    assert.ok(lines.every((line) => line.startsWith("0:20  ✗") || line.length < 30));
    assert.ok(lines.some((line) => line.endsWith("…")));
  });

  it("has no colour if NO_COLOR is set", () => {
    assert.ok(!show(true, plain).includes("\u001b[32m"));
    assert.ok(show(true, { TERM: "xterm" }).includes("\u001b[32m"));
  });

  it("redraws nothing on a dumb terminal", () => {
    assert.ok(!show(true, { TERM: "dumb" }).includes("\u001b"));
  });
});
