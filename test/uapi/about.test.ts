import assert from "node:assert/strict";
import { WgBridgeError } from "../../src/errors.js";
import { parseCipher, readCipher } from "../../src/uapi/about.js";
import { hasCode } from "../error-code.js";

describe("what an engine says about itself", () => {
  it("is its cipher, among lines of later engines", async () => {
    const answers = ["cipher=AVX2\nerrno=0\n\n", "later=1\ncipher=AVX2\nlater=2\nerrno=0\n\n"];
    for (const answer of answers) {
      const asked: string[] = [];
      const cipher = await readCipher(async (request) => {
        asked.push(Buffer.from(request).toString());
        return Buffer.from(answer);
      });
      assert.equal(cipher, "AVX2");
      assert.deepEqual(asked, ["wg_bridge=1\n\n"]);
    }
  });

  it("is nothing if it refuses to answer, or answers something else", () => {
    for (const answer of [
      "errno=71\n\n",
      "cipher=AVX2\nerrno=22\n\n",
      "fwmark=1\nerrno=0\n\n",
      "",
    ]) {
      assert.equal(parseCipher(answer), undefined, answer);
    }
  });

  it("is nothing if it hangs up, as others do, but any other failure is one", async () => {
    const failing = (code: "WG_BRIDGE_LOST" | "WG_BRIDGE_TIMEOUT") =>
      readCipher(() => Promise.reject(new WgBridgeError(code, "No.")));
    assert.equal(await failing("WG_BRIDGE_LOST"), undefined);
    await assert.rejects(failing("WG_BRIDGE_TIMEOUT"), hasCode("WG_BRIDGE_TIMEOUT"));
  });
});
