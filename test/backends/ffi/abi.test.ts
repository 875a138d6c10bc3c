import assert from "node:assert/strict";
import { abiVersion, checkAbi } from "../../../src/backends/ffi/loading.js";
import { WgBridgeError } from "../../../src/errors.js";

describe("the ABI version of a library", () => {
  for (const version of [abiVersion, "1.2.7", "1.9.0"]) {
    it(`${version} is compatible`, async () => {
      await checkAbi("/lib", version);
    });
  }

  for (const version of ["0.9.9", "1.1.9", "2.0.0", "1.2.0-rc.1", "", "one"]) {
    it(`${JSON.stringify(version)} is not`, async () => {
      await assert.rejects(
        checkAbi("/lib", version),
        (error) => error instanceof WgBridgeError && error.code === "WG_BRIDGE_LIBRARY_ABI",
      );
    });
  }
});
