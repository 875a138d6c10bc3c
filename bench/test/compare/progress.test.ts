import assert from "node:assert/strict";
import { ProgressDisplay } from "../../compare/progress.js";
import { failedRun, passedRun } from "./fixtures.js";

class Screen {
  written = "";
  constructor(
    readonly isTTY: boolean,
    readonly columns = 80,
  ) {}
  write(text: string): void {
    this.written += text;
  }
}

/** Shows a short run on this screen. */
function show(screen: Screen, env: Record<string, string> = { TERM: "xterm" }): string {
  const display = new ProgressDisplay(screen, env, 251, ["exec", "upstream"]);
  display.begin("exec", "netns.sh");
  for (let step = 1; step <= 24; step++) {
    display.step({ step, section: "set-up", command: "wg genkey" });
  }
  display.step({ step: 25, section: "IPv4 outside, MTU 1420", command: "NS0: wg show" });
  display.finish(passedRun);
  display.begin("upstream", "netns.sh");
  display.finish(failedRun);
  return screen.written;
}

describe("the progress of a comparison", () => {
  it("is a line for each section where there is no terminal", () => {
    assert.deepEqual(show(new Screen(false)).split("\n"), [
      "exec      netns.sh",
      "exec       0:00  step 1 of 251  set-up",
      "exec       0:00  step 25 of 251  IPv4 outside, MTU 1420",
      "exec      ✓ passed 251 steps in 1:12",
      "upstream  netns.sh",
      "upstream  ✗ failed at step 18 of 251, exit status 1: NS1: ip addr add 192.168.241.1/24 dev wg1",
      "",
    ]);
  });

  it("is one line on a terminal, which only results leave", () => {
    const written = show(new Screen(true));
    assert.ok(written.includes("\r\u001b[K"));
    assert.equal(written.split("\n").length, 3);
  });

  it("shows step, section and command on a terminal, no wider than it is", () => {
    const screen = new Screen(true, 72);
    const display = new ProgressDisplay(screen, { NO_COLOR: "1", TERM: "xterm" }, 251, ["exec"]);
    display.begin("exec", "");
    display.step({ step: 126, section: "NAT", command: "NS0: ping" });
    display.step({ step: 127, section: "NAT", command: "NS0: ".repeat(50) });
    display.clear();
    const lines = screen.written.split("\r\u001b[K");
    assert.ok(lines.includes("exec   0:00  ██████████░░░░░░░░░░ 126 of 251  NAT · NS0: ping"));
    assert.ok(lines.some((line) => line.endsWith("…")));
    assert.ok(lines.every((line) => line.length <= 72));
  });

  it("has no colour where NO_COLOR asks for none", () => {
    assert.ok(!show(new Screen(true), { NO_COLOR: "1", TERM: "xterm" }).includes("\u001b[32m"));
    assert.ok(show(new Screen(true)).includes("\u001b[32m"));
  });

  it("draws nothing again on a dumb terminal", () => {
    assert.ok(!show(new Screen(true), { TERM: "dumb" }).includes("\u001b"));
  });
});
