import assert from "node:assert/strict";
import { WgBridgeError } from "../../src/errors.js";
import { checkRequest } from "../../src/uapi/request.js";

describe("a UAPI request", () => {
  for (const request of ["get=1\n\n", "set=1\n\n", "set=1\nlisten_port=1\n\n", "wg_bridge=1\n\n"]) {
    it(`${JSON.stringify(request)} is one operation`, () => {
      assert.equal(checkRequest(Buffer.from(request)).toString(), request);
    });
  }

  const refused = ["", "\n\n", "get=1\n", "set=1\nlisten_port=1\n", "put=1\n\n", " get=1\n\n"];
  for (const request of [
    ...refused,
    "set=1\n\nset=1\n\n",
    "set=1\na=b\n\n\n",
    "set=1\na=b\n\r\nc=d\n\n",
    "get=1\na=b\n\n",
    "wg_bridge=1\na=b\n\n",
    "wg_bridge=1\n",
  ]) {
    it(`${JSON.stringify(request)} is not`, () => {
      assert.throws(
        () => checkRequest(Buffer.from(request)),
        (error) => error instanceof WgBridgeError && error.code === "WG_BRIDGE_ENGINE",
      );
    });
  }

  it("is not repeated in the error, because it may hold keys", () => {
    assert.throws(
      () => checkRequest(Buffer.from("set=1\nprivate_key=5ec4e7\n")),
      (error) => error instanceof Error && !error.message.includes("5ec4e7"),
    );
  });
});
