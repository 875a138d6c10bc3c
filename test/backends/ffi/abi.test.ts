import assert from "node:assert/strict";
import { abiVersion, checkAbi } from "../../../src/backends/ffi/loading.js";
import { hasCode } from "../../error-code.js";

describe("the ABI version of a library", () => {
  for (const version of [abiVersion, "1.4.7", "1.9.0"]) {
    it(`is compatible if it is ${version}`, async () => {
      await checkAbi("/lib", version);
    });
  }

  for (const version of ["0.9.9", "1.3.9", "2.0.0", "1.4.0-rc.1", "", "one"]) {
    it(`is not compatible if it is ${JSON.stringify(version)}`, async () => {
      await assert.rejects(checkAbi("/lib", version), hasCode("WG_BRIDGE_LIBRARY_ABI"));
    });
  }
});
