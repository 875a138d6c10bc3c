import assert from "node:assert/strict";
import { BenchProgress } from "../../tunnels/progress.js";

/** What was written in the first two of eight turns, each of 20 seconds. */
function show(isTTY: boolean, env = {}, columns = 80): string {
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  let seconds = 0;
  const progress = new BenchProgress({ isTTY, columns, write }, env, 8, () => seconds * 1000);
  progress.begin(1, 1, "upstream");
  progress.doing("TCP, MTU 1420, 1 up");
  seconds = 20;
  progress.begin(1, 1, "exec");
  progress.doing("ping, idle");
  progress.end();
  return written;
}

describe("the progress of a bench", () => {
  it("is a line for each turn where there is no terminal, with what may be left", () => {
    assert.equal(
      show(false),
      "0:00  round 1 of 1, upstream\n0:20  round 1 of 1, exec, about 2:20 left\n",
    );
  });

  it("is one line on a terminal, which says what is measured, and goes at the end", () => {
    const lines = show(true, { NO_COLOR: "1", TERM: "xterm" }).split("\r\u001b[K");
    assert.ok(lines.includes("0:00  round 1 of 1, upstream: TCP, MTU 1420, 1 up"));
    assert.ok(lines.includes("0:20  round 1 of 1, exec, about 2:20 left: ping, idle"));
    assert.equal(lines.at(-1), "");
    assert.ok(!lines.some((line) => line.includes("\n")));
  });

  it("is no wider than the terminal", () => {
    const lines = show(true, { NO_COLOR: "1", TERM: "xterm" }, 30).split("\r\u001b[K");
    assert.ok(lines.every((line) => line.length < 30));
  });

  it("draws nothing again on a dumb terminal", () => {
    assert.ok(!show(true, { TERM: "dumb" }).includes("\u001b"));
  });
});
