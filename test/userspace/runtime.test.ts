import assert from "node:assert/strict";
import { requireNodeSockets } from "../../src/userspace/runtime.js";

describe("the runtime of a userspace tunnel", () => {
  it("may not be Bun, whose sockets and fetch are its own", () => {
    requireNodeSockets();
    requireNodeSockets({ node: "24.0.0", deno: "2.0.0" });
    assert.throws(() => requireNodeSockets({ node: "24.0.0", bun: "1.4.5" }), {
      code: "WG_BRIDGE_UNSUPPORTED",
      message: /Bun 1\.4\.5.*Node\.js or Deno/,
    });
  });
});
