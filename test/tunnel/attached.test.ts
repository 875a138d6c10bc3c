import assert from "node:assert/strict";
import { attach, WgBridgeError } from "../../src/index.js";
import { onlyInSandbox } from "../sandbox.js";
import { StoppedServer } from "../uapi/stopped-server.js";

describe("letting go of an interface whose program does not answer", () => {
  onlyInSandbox();

  it("does not wait for it, and tells who waits", async () => {
    await using _stopped = await StoppedServer.start("wga0");
    const tunnel = await attach("wga0");
    const calls = [tunnel.status(), tunnel.update({ fwmark: 1 }), tunnel.apply({ peers: [] })];
    const refused = calls.map((call) =>
      assert.rejects(call, (error: unknown) => {
        assert.ok(error instanceof WgBridgeError, String(error));
        assert.equal(error.code, "WG_BRIDGE_CLOSED");
        assert.match(error.message, /^This program has let go of wga0\./);
        return true;
      }),
    );
    await tunnel.close();
    await Promise.all(refused);
  });
});
