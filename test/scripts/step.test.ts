import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";

function step(script: string): Promise<{ status: number; stdout: string }> {
  return new Promise((resolve) => {
    const args = ["A title", "bash", "-c", script];
    const child = execFile(`${packageRoot}/scripts/step`, args, (_error, stdout) =>
      resolve({ status: child.exitCode ?? 128, stdout }),
    );
  });
}

describe("scripts/step", () => {
  it("hides the output of a command that succeeds", async () => {
    const { status, stdout } = await step("echo out; echo err >&2");
    assert.match(stdout, /^A title \.\.\.\nA title: done in \d+ s\n$/);
    assert.equal(status, 0);
  });

  it("shows the output of a command that fails, and exits with its status", async () => {
    const { status, stdout } = await step("echo out; echo err >&2; exit 7");
    assert.match(stdout, /^A title \.\.\.\nA title: failed after \d+ s, status 7\nout\nerr\n$/);
    assert.equal(status, 7);
  });
});
