import assert from "node:assert/strict";
import { endedError, parseTunnelEnd } from "../../src/backends/tunnel-end.js";

describe("the line in which the engine says why a tunnel ended", () => {
  for (const reason of ["closed", "interface-deleted", "socket-removed"]) {
    it(`gives ${reason} as it is`, () => {
      assert.equal(parseTunnelEnd("wg1", reason).reason, reason);
    });
  }

  it("may say what failed meanwhile", () => {
    const end = parseTunnelEnd("wg1", "closed: device busy");
    assert.equal(end.reason, "closed");
    assert.match(end.message, /device busy/);
  });

  const failures = ["interface", "listener", "bind"].map((what) => `${what}-failed: bad`);
  for (const line of [undefined, "", ...failures, "nobody knows"]) {
    it(`means that the tunnel is lost where it is ${JSON.stringify(line)}`, () => {
      assert.equal(parseTunnelEnd("wg1", line).reason, "lost");
    });
  }

  it("makes later exchanges fail as closed, or as lost", () => {
    assert.equal(endedError(parseTunnelEnd("wg1", "closed")).code, "WG_BRIDGE_CLOSED");
    assert.equal(endedError(parseTunnelEnd("wg1", "interface-deleted")).code, "WG_BRIDGE_LOST");
    assert.equal(endedError(parseTunnelEnd("wg1", undefined)).code, "WG_BRIDGE_LOST");
  });
});
