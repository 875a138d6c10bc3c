import assert from "node:assert/strict";
import { errnoName, startFailureCode } from "../../../src/backends/ffi/errno.js";

describe("an errno of the library", () => {
  // Linux's numbers, spelled out: the library answers with these on every machine it is built for.
  const meanings: readonly (readonly [number, string, string])[] = [
    [1, "EPERM", "WG_BRIDGE_PERMISSION"],
    [2, "ENOENT", "WG_BRIDGE_NO_TUN"],
    [13, "EACCES", "WG_BRIDGE_PERMISSION"],
    [16, "EBUSY", "WG_BRIDGE_INTERFACE_EXISTS"],
    [19, "ENODEV", "WG_BRIDGE_NO_TUN"],
    [22, "EINVAL", "WG_BRIDGE_ENGINE"],
    [98, "EADDRINUSE", "WG_BRIDGE_SOCKET_IN_USE"],
  ];
  for (const [number, name, code] of meanings) {
    it(`${number} is ${name}, and at a start means ${code}`, () => {
      assert.equal(errnoName(number), name);
      assert.equal(startFailureCode(number), code);
    });
  }

  it("keeps its number where it has no name", () => {
    assert.equal(errnoName(4000), "errno 4000");
  });
});
