import assert from "node:assert/strict";
import type { Backend } from "../../src/backends/backend.js";
import { launch } from "../../src/tunnel/launch.js";
import { onlyInSandbox } from "../sandbox.js";
import { FakeRunning } from "./fake-running.js";

describe("a tunnel that never notices that its interface is up", () => {
  onlyInSandbox();

  it("is given up with the signal's reason, and closed", async () => {
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const running = new FakeRunning(() => setImmediate(() => controller.abort(reason)));
    const backend: Backend = { kind: "exec", start: async () => running };
    const launched = launch(
      backend,
      { name: "lo", signal: controller.signal },
      { addresses: [], up: true },
      { listenPort: 51_895, peers: [] },
    );
    await assert.rejects(launched, reason);
    assert.equal(running.closes, 1);
  });
});
