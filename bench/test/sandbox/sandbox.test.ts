import assert from "node:assert/strict";
import { runInSandbox } from "../../sandbox/sandbox.js";

describe("what runs in a sandbox", () => {
  it("is killed if it does not end, and its output says so", async () => {
    const command = ["sh", "-c", "echo begun; exec sleep 1000"];
    const { signal } = new AbortController();
    const { exitStatus, output } = await runInSandbox(command, process.env, signal, 500);
    assert.equal(exitStatus, null);
    assert.match(output, /\nIt was killed after 0\.5 s\.\n$/);
  });
});
